job "a" {
  hosts = []
  task "command" "x" {
    argv = ["a"]
  }
}
output "o" {
  value = job.a.task.comand.x # error: unknown_reference
}
