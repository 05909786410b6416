variable "s" {
  default   = "x"
  sensitive = true
}
job "a" {
  hosts = var.s == "x" ? [host.localhost] : [] # error: sensitive
}
