locals {
  a = local.b # error: unknown_reference
}
