job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
  }
  try {
    task "command" "b" { # error: duplicate_name
      argv = ["a"]
    }
  }
}
