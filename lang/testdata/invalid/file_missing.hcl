locals {
  a = file("nothing.txt") # error: evaluate
}
