variable "a" {
  default = 1
}
variable "a" { # error: duplicate_name
  default = 1
}
