locals {
  a = templatefile("x.tftpl", { config = { port = 1 }, list = [{ a = 1 }] })
  b = templatefile("y.tftpl", { config = 1 })
}
