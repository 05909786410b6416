variable "s" {
  default   = "x"
  sensitive = true
}
job "a" {
  hosts = host.localhost
  tags = [var.s] # error: sensitive
}
