host "web" {
  address = "web.example.net"
  hop "shh" { user = "deploy" }
}
