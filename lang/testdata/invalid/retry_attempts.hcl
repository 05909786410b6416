job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    retry {
      attempts = 0 # error: invalid_value
    }
  }
}
