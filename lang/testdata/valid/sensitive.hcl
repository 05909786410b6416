variable "token" {
  default   = "t0ken"
  sensitive = true
}

locals {
  header = "Bearer ${var.token}"
}

host "a" {
  vars = { token = var.token, list = [var.token, "shown"], open = 1 }
  hop "docker" {
    container = "c"
    user      = var.token
  }
}

job "x" {
  hosts = host.a

  task "shell" "argument" {
    script = local.header
  }

  task "shell" "environment" {
    script      = "true"
    environment = { TOKEN = self.vars.token }
  }

  task "shell" "result" {
    script = task.shell.argument.stdout
  }

  task "shell" "condition" {
    script = "true"
    when   = var.token != ""
  }

  task "shell" "flags_are_not" {
    script = task.shell.argument.changed ? "a" : "b"
  }

  task "shell" "each" {
    for_each = { a = var.token, b = "open" }
    script   = each.value
  }
}

output "token" {
  value     = var.token
  sensitive = true
}
