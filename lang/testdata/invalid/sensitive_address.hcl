variable "s" {
  default   = "x"
  sensitive = true
}
host "a" {
  address = var.s # error: sensitive
  hop "ssh" {}
}
