job "a" {
  hosts = host.localhost
  locals {
    a = 1
  }
  locals {
    a = 2 # error: duplicate_name
  }
}
