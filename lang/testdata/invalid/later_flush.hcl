job "a" {
  hosts = host.localhost
  task "flush" "a" { # error: not_supported
  }
}
