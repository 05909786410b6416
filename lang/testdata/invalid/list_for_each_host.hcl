host "a" {
  for_each = ["a"] # error: wrong_type
  hop "local" {}
}
