host "a" {
  vars = "x" # error: wrong_type
  hop "local" {}
}
