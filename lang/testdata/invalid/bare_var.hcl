output "a" {
  value = var # error: unknown_reference
}
