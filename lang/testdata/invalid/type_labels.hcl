host "a" {
  labels = { a = ["b"] } # error: wrong_type
  hop "local" {}
}
