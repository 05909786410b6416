job "a" {
  hosts = host.localhost
  try {
    rescue {}
    task "command" "b" { # error: decode
      argv = ["a"]
    }
  }
}
