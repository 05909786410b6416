job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    when = failure.failed # error: unknown_reference
  }
}
