task "file" "x" {
  path    = "/x"
  content = templatefile("x.tftpl", {})
}
