variable "a" { # error: missing_variable
  type = string
}
