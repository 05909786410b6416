chain "jump" {
  hop "ssh" {
    address = "jump.example.net"
  }
}
chain "admin" {
  extends = chain.jump
  hop "ssh" {
    user = "deploy"
  }
  hop "sudo" {}
}
host "web" {
  address = "web.example.net"
  chain   = chain.admin
}
