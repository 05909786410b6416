job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
  }
  task "command" "b" {
    argv = [task.command.c.stdout] # error: unknown_reference
  }
}
