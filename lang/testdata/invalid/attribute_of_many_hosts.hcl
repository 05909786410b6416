host "a" {
  for_each = toset(["x"])
  hop "local" {}
}
output "o" {
  value = host.a.address # error: unknown_reference
}
