host "a" {
  for_each = toset(["x"])
  hop "local" {}
}
output "o" {
  value = [for h in host.a : h.adress] # error: unknown_reference
}
