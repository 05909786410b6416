job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    when = result.changed # error: unknown_reference
  }
}
