hots "web" {
  address = "web.example.net"
}
