variable "s" {
  default   = "x"
  sensitive = true
}
host "a" {
  for_each = toset([var.s]) # error: sensitive
  hop "local" {}
}
