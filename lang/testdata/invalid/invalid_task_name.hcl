job "a" {
  hosts = host.localhost
  task "command" "a b" { # error: invalid_name
    argv = ["a"]
  }
}
