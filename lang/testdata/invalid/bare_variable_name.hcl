variable "release" {
  default = "1"
}
output "a" {
  value = release # error: unknown_reference
}
