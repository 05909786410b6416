job "a" {
  hosts = host.localhost
  task "comand" "a" { # error: unknown_action
    argv = ["a"]
  }
}
