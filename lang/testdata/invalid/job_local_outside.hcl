job "a" {
  hosts = host.localhost
  locals {
    a = 1
  }
}
output "x" {
  value = local.a # error: unknown_reference
}
