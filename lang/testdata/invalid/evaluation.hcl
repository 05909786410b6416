locals {
  a = 1 + "x" # error: evaluate
}
