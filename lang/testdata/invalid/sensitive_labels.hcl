variable "s" {
  default   = "x"
  sensitive = true
}
host "a" {
  labels = { a = var.s } # error: sensitive
  hop "local" {}
}
