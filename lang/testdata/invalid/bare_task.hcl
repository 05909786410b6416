job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = task.command # error: unknown_reference
  }
}
