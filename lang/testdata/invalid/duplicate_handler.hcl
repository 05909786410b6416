job "a" {
  hosts = host.localhost
  handler "command" "a" {
    argv = ["a"]
  }
  handler "shell" "a" { # error: duplicate_name
    script = "a"
  }
}
