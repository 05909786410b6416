variable "a" { # error: invalid_variable
  default = "x"
  validation {
    condition     = can(regex("^[0-9]+$", var.a))
    error_message = "a must be a number."
  }
}
