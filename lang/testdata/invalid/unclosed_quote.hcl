locals {
  value = "abc # error: syntax
}
