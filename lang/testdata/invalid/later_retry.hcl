job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
    retry { # error: not_supported
      attempts = 2
    }
  }
}
