host "a" {
  address = local.x
  hop "ssh" {}
}
locals {
  x = "${host.a.address}.example.net" # error: cycle
}
