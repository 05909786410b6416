job "a" {
  hosts = host.localhost
  task "ansible_module" "a" { # error: not_supported
    name = "nginx"
  }
}
