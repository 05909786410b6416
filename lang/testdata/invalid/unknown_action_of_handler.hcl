job "a" {
  hosts = host.localhost
  handler "comand" "a" { # error: unknown_action
    argv = ["a"]
  }
}
