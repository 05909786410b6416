job "a" {
  hosts      = []
  depends_on = ["b"] # error: wrong_type
}
