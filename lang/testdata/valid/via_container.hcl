host "web" {
  address = "web.example.net"
  hop "ssh" {}
}
host "app" {
  via = host.web
  hop "docker" {
    container = "app"
  }
}
host "inner" {
  via = host.app
  hop "sudo" {
    user = "app"
  }
}
