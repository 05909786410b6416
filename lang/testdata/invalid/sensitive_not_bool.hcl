variable "a" {
  default   = 1
  sensitive = "maybe" # error: wrong_type
}
