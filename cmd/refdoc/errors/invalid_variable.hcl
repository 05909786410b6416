variable "port" {
  default = 80

  validation {
    condition     = var.port >= 1024
    error_message = "Ports below 1024 need root."
  }
}
