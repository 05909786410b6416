job "web" {
  hosts = [host.localhost]
  role "nginx" { source = "./roles/ngnix" }
}
