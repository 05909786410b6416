job "a" {
  hosts = host.localhost
  handler "flush" "f" { # error: invalid_value
  }
}
