job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
  }
  task "command" "a" { # error: duplicate_name
    argv = ["a"]
  }
}
