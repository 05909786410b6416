job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    failed_when = task.command.c.failed # error: later_reference
  }
  task "command" "c" {
    argv = ["a"]
  }
}
