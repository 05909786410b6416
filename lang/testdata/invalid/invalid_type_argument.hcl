variable "a" {
  type    = list(strings) # error: invalid_type
  default = null
}
