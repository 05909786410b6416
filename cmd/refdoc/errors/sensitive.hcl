variable "names" {
  type      = set(string)
  default   = ["a", "b"]
  sensitive = true
}

host "web" {
  for_each = var.names
  address  = "${each.key}.example.net"
  hop "ssh" {}
}
