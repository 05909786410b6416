output "a" {
  value = "${nofunc(1)} ${var.none}" # error: unknown_function # error: unknown_reference
}
