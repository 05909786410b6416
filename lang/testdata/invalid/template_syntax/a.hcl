locals {
  a = templatefile("x.tftpl", { n = 1 })
}
