variable "when" { # error: invalid_name
  default = 1
}
