variable "a" {
  default = upper("b") # error: evaluate
}
