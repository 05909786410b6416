variable "secret" {
  default   = "s3cret"
  sensitive = true
}

host "h" {
  for_each = { a = 1, b = 2 }
  vars     = { port = 8000 + each.value, user = "u${each.value}" }
  hop "local" {}
}

job "web" {
  hosts       = host.h
  tags        = ["web", "all"]
  run_as      = "root"
  environment = { A = "job", B = "job", PORT = self.vars.port }
  vars        = { extra = "${self.name}!", user = "over" }

  task "command" "plain" {
    argv          = ["echo", 1, true]
    ok_exit_codes = [0, 3]
    timeout       = "1m30s"
    tags          = ["all", "own"]
    on_failure    = "continue"
    environment   = { B = "task", A = null }
  }

  task "shell" "secret" {
    script      = "login ${var.secret}"
    interpreter = ["/bin/bash", "-eu"]
  }

  task "command" "declared_secret" {
    argv      = ["true"]
    sensitive = true
  }

  task "file" "each_map" {
    for_each = { one = "1", two = self.vars.extra }
    path     = "/etc/${each.key}"
    content  = each.value
    mode     = 0644
    notify   = [handler.reload, handler.first]
  }

  task "file" "each_list" {
    for_each = ["x", "y", 3]
    path     = "/etc/${each.key}-${each.value}"
    when     = each.key != 1
  }

  task "file" "each_set" {
    for_each = toset(["q", "p"])
    path     = "/etc/${each.key}${each.value}"
    source   = "tasks.hcl"
  }

  task "file" "none" {
    for_each = {}
    path     = "/none"
  }

  task "file" "skipped" {
    path = "no path, but never looked at: ${self.name}"
    when = false
  }

  task "file" "by_host" {
    path   = "/etc/${self.name}-${self.vars.user}-${self.vars.port}"
    state  = null
    when   = self.name == "h[\"a\"]"
    notify = self.vars.port == 8001 ? [handler.reload] : []
  }

  task "command" "further" {
    argv   = ["id"]
    run_as = self.vars.user
  }

  task "command" "hops" {
    argv = ["id"]
    hop "docker" {
      container = "c"
    }
    hop "sudo" {
      password = var.secret
    }
  }

  task "command" "same" {
    argv   = ["id"]
    run_as = null
  }

  handler "command" "first" {
    argv   = ["first"]
    notify = [handler.reload]
  }

  handler "command" "reload" {
    argv = ["reload", self.vars.extra]
  }
}
