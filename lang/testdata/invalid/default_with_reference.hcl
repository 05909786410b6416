variable "a" {
  default = local.b # error: evaluate
}
locals {
  b = 1
}
