host "a" {
  count = "two" # error: wrong_type
  hop "local" {}
}
