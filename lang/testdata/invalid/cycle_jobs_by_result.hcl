job "a" {
  hosts      = []
  depends_on = [job.b]
  task "command" "x" {
    argv = ["a"]
  }
}
job "b" {
  hosts = []
  task "command" "x" {
    argv = keys(job.a.task.command.x) # error: cycle
  }
}
