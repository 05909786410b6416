job "a" {
  hosts = host.localhost
  locals {
    a = task.command.b.stdout
  }
  task "command" "early" {
    argv = [local.a] # error: later_reference
  }
  task "command" "b" {
    argv = ["a"]
  }
}
