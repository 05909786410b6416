host {
  address = "web.example.net"
  hop "ssh" {}
}
