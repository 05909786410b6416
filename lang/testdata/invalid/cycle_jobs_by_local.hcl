locals {
  r = job.b.task.command.x
}
job "a" {
  hosts      = []
  task "command" "x" {
    argv = keys(local.r)
  }
}
job "b" {
  hosts = []
  depends_on = [job.a] # error: cycle
  task "command" "x" {
    argv = ["x"]
  }
}
