job "a" {
  hosts = host.localhost
  task "command" "a" {
    for_each = ["x"]
    argv     = ["a"]
  }
  task "command" "b" {
    argv = ["a"]
    when = task.command.a.changed # error: unknown_reference
  }
}
