locals {
  a = 1 / 0 # error: too_large
}
