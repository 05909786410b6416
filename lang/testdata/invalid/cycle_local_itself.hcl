locals {
  a = [local.a] # error: cycle
}
