locals {
  a = vars.b # error: unknown_reference
}
