host "web" {
  address "web.example.net"
  hop "ssh" {}
}
