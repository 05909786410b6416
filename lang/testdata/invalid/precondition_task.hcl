job "a" {
  hosts = host.localhost
  precondition {
    condition     = task.command.b.changed # error: unknown_reference
    error_message = "no"
  }
  task "command" "b" {
    argv = ["a"]
  }
}
