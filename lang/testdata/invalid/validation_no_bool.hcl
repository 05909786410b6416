variable "a" {
  default = "x"
  validation {
    condition     = var.a # error: wrong_type
    error_message = "a must be a number."
  }
}
