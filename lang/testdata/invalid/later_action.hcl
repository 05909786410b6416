job "a" {
  hosts = host.localhost
  task "service" "a" { # error: not_supported
    name = "nginx"
  }
}
