output "a" {
  value = path.root # error: unknown_reference
}
