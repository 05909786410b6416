locals {
  a = var.b # error: unknown_reference
}
