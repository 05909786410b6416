host "a" {
  hop "local" {}
}
locals {
  b = local.c # error: unknown_reference
}
