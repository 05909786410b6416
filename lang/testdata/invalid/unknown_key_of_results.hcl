variable "all" { default = false }

host "h" {
  for_each = toset(["a", "b"])
  vars     = { sites = toset([each.key]) }
  hop "local" {}
}

job "j" {
  hosts = host.h

  task "command" "v" {
    argv = ["x"]
  }

  task "command" "fixed" {
    for_each = { shop = 1, blog = 2 }
    argv     = [each.key]
  }

  task "command" "differs" {
    for_each = self.vars.sites
    argv     = [each.key]
  }

  task "shell" "own" {
    script = "${task.command.fixed["shop"].changed}${task.command.differs["b"].changed}"
    when   = task.command.fixed["shpo"].changed # error: unknown_reference
  }

  task "shell" "guarded" {
    script = try(task.command.fixed["extra"].stdout, var.all ? task.command.fixed["none"].stdout : "")
  }

  task "shell" "not_evaluated" {
    script = task.command.fixed["none"].stdout
    when   = var.all
  }
}

job "sums" {
  hosts = [host.localhost]

  task "shell" "hosts" {
    script = join("", [for r in values(job.j.task.command.v) : r.stdout])
    when   = job.j.task.command.v["h[\"c\"]"].changed # error: unknown_reference
  }

  task "shell" "fine" {
    script = job.j.task.command.fixed["h[\"a\"]"]["blog"].stdout
    when   = job.j.task.command.v["h[\"a\"]"].changed
  }
}

output "host" {
  value = job.j.task.command.v.stdout # error: unknown_reference
}

output "host_of_keyed" {
  value = job.j.task.command.fixed["shop"].stdout # error: unknown_reference
}

output "element" {
  value = [for r in job.j.task.command.fixed : r["shpo"].stdout] # error: unknown_reference
}

job "broken" {
  hosts = host.nothing # error: unknown_reference
  task "command" "v" {
    argv = ["x"]
  }
  task "command" "each" {
    for_each = 1 # error: wrong_type
    argv     = ["x"]
  }
  task "shell" "after" {
    script = task.command.each["x"].stdout
  }
}

output "of_broken" {
  value = job.broken.task.command.v["x"].stdout
}
