job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [task.command.a.stdout] # error: later_reference
  }
}
