variable "ports" {
  type    = list(int)
  default = [80]
}
