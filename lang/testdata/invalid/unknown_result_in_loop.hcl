job "a" {
  hosts = []
  task "command" "x" {
    argv = ["a"]
  }
}
output "o" {
  value = { for name, r in job.a.task.command.x : name => r.stdot } # error: unknown_reference
}
