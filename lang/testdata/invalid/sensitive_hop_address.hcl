variable "s" {
  default   = "x"
  sensitive = true
}
host "a" {
  hop "ssh" {
    address = var.s # error: sensitive
  }
}
