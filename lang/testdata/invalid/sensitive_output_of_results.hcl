job "a" {
  hosts = host.localhost
  task "command" "x" {
    argv      = ["x"]
    sensitive = true
  }
}

output "flags" {
  value = [for r in job.a.task.command.x : r.failed]
}

output "texts" {
  value = [for r in job.a.task.command.x : r.stdout] # error: sensitive
}
