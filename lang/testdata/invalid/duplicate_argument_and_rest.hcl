locals {
  a = 1
  a = 2 # error: syntax
  b = local.nope # error: unknown_reference
}
job "j" {
  hosts = 3 # error: wrong_type
  vars  = 3 # error: wrong_type
}
