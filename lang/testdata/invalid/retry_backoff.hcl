job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    retry {
      backoff = 0.5 # error: invalid_value
    }
  }
}
