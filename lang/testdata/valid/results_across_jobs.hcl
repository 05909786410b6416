host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "command" "x" {
    argv = ["x"]
  }
}
job "b" {
  hosts = host.localhost
  task "command" "y" {
    argv = [for h, r in job.a.task.command.x : "${h}:${r.stdout}"]
    when = job.a.task.command.x["l"].changed
  }
}
