# Of another job's sensitive task the flags can be used wherever those of any task can.
host "h" {
  for_each = toset(["a", "b"])
  hop "local" {}
}

job "a" {
  hosts = host.h
  task "command" "x" {
    argv      = ["x"]
    sensitive = true
  }
}

job "b" {
  hosts = host.localhost

  task "shell" "each" {
    for_each = { for h, r in job.a.task.command.x : h => r.changed }
    script   = "${each.key} ${each.value}"
  }

  task "shell" "text" {
    script = join(" ", [for r in job.a.task.command.x : r.stdout])
  }
}

output "changed" {
  value = [for r in job.a.task.command.x : r.changed]
}
