job "web" {
  hosts = [host.localhost]
  task "directory" "data" {
    path = "/srv/data"
    mode = "0858"
  }
}
