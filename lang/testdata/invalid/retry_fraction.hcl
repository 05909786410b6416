job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    retry {
      attempts = 1.5 # error: invalid_value
    }
  }
}
