job "last" {
  hosts      = host.localhost
  depends_on = [job.first, job.second]
}
job "second" {
  hosts = host.localhost
  task "shell" "s" {
    script = jsonencode(local.first)
  }
}
job "first" {
  hosts = host.localhost
  task "command" "c" {
    argv = ["x"]
  }
}
locals {
  first = job.first.task.command.c
}
