variable "port" {
  type    = number
  default = 80
  validation {
    condition     = var.port
    error_message = 1
  }
  validation {
    condition     = var.prt > 1 # says: The site declares no variable "prt". Did you mean "port"?
    error_message = "x"
  }
  validation { # says: A validation needs the argument "condition".
    error_message = "x"
  }
  nullable    = "x" # says: "nullable" of a variable takes bool, but this is string.
  sensitive   = 1 # says: "sensitive" of a variable takes bool, but this is number.
  description = [] # says: "description" of a variable takes string, but this is list.
}
