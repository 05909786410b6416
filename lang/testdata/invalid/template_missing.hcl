locals {
  a = templatefile("nothing.tftpl", {}) # error: evaluate
}
