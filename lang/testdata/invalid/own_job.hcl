job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["x"]
  }
  task "command" "b" {
    argv = values(job.a.task.command.a)[*].stdout # error: cycle
  }
}
