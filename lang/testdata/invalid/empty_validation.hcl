variable "a" {
  default = 1
  validation {} # error: missing_argument # error: missing_argument
}
