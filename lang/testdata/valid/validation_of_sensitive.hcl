variable "password" {
  default   = "long enough"
  sensitive = true
  validation {
    condition     = length(var.password) > 8
    error_message = "The password is too short."
  }
}
