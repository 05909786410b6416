variable "a" {
  default = "x"
  validation {
    condition     = host.localhost.facts.arch == var.a # error: unknown_reference
    error_message = "x"
  }
}
