job "a" {
  hosts = host.localhost
  task "command" { # error: decode
    argv = ["a"]
  }
}
