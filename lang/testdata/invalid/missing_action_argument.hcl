job "a" {
  hosts = host.localhost
  task "file" "a" { # error: missing_argument
    content = "x"
  }
}
