job "a" {
  hosts = host.localhost
  locals {
    a = local.b
    b = local.a # error: cycle
  }
}
