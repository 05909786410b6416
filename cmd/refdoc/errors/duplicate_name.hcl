job "web" {
  hosts = [host.localhost]
  task "directory" "data" { path = "/srv/data" }
  task "directory" "data" { path = "/srv/more" }
}
