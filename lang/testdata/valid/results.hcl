host "h" {
  for_each = toset(["a", "b"])
  hop "local" {}
}

locals {
  whos = { for name, r in job.a.task.command.who : name => r.stdout }
}

job "a" {
  hosts = host.h

  task "command" "who" {
    argv = ["id", "-un"]
  }

  task "shell" "uses" {
    script = "echo ${task.command.who.stdout}"
    when   = task.command.who.exit_code == 0
  }

  task "command" "many" {
    for_each = ["x", "y"]
    argv     = [each.value]
  }

  task "shell" "reads_many" {
    script = join(" ", [for k, r in task.command.many : "${k}=${r.stdout}"])
  }

  task "shell" "reads_one" {
    script = task.command.many[0].stdout
    notify = task.command.who.changed ? [handler.h] : []
  }

  handler "shell" "h" {
    script = task.command.who.stdout
  }
}

job "b" {
  hosts = host.h
  when  = length(local.whos) > 0

  task "shell" "uses" {
    script = join(",", values(local.whos))
  }

  task "shell" "indexed" {
    for_each = job.a.task.command.who["h[\"a\"]"].exit_code == 0 ? { a = 1 } : {}
    script   = each.key
  }
}

job "c" {
  hosts      = host.h
  depends_on = [job.b]
}

output "many" {
  value = { for name, results in job.a.task.command.many : name => results[*] }
}

output "secret" {
  value     = sensitive("x")
  sensitive = true
}
