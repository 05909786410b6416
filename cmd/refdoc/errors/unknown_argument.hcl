host "web" {
  address = "web.example.net"
  labls   = { tier = "web" }
  hop "ssh" {}
}
