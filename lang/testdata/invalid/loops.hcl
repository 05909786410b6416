locals {
  a = [for a in range(1000) : [for b in range(1000) : b]] # error: too_large
}
