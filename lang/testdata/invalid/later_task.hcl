job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [task.command.b.stdout] # error: later_reference
  }
  task "command" "b" {
    argv = ["b"]
  }
}
