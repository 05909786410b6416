variable "a" {
  type = object({ port = number })
  default = { # error: wrong_type
    host = "x"
  }
}
