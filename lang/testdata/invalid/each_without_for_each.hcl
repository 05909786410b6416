job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [each.key] # error: unknown_reference
  }
}
