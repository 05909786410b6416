variable "a" {
  type    = strnig # error: invalid_type
  default = null
}
