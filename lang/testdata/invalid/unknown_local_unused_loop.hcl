locals {
  a = [for x in [1] : local.nothing] # error: unknown_reference
}
