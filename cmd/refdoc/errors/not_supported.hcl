job "web" {
  hosts = [host.localhost]
  task "service" "nginx" { name = "nginx" }
}
