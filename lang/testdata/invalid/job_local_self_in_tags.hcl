job "a" {
  hosts = host.localhost
  locals {
    a = self.name
  }
  tags = [local.a] # error: unknown_reference
}
