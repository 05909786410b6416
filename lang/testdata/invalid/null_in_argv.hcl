job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["ls", null] # error: invalid_value
  }
}
