variable "a" {
  type    = list(number)
  default = ["x"] # error: wrong_type
}
