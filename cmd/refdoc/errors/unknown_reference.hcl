host "web" {
  address = "web.example.net"
  hop "ssh" {}
}

job "web" {
  hosts = [host.wbe]
  task "directory" "data" { path = "/srv/data" }
}
