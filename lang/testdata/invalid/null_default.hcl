variable "a" {
  type     = string
  nullable = false
  default  = null # error: invalid_variable
}
