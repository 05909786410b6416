job "web" {
  hosts = [host.localhost]
  task "package" "nginx" { name = "nginx" }
}
