job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
  }
  task "command" "b" {
    argv = [task.command.a.stdot] # error: unknown_reference
  }
}
