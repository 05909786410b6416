variable "x" {
  default = "y"
}
job "a" {
  hosts = host.localhost
  role "r" {
    source = var.x # error: invalid_role
  }
}
