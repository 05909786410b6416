host "a" {
  count = "two" # error: invalid_value
  hop "local" {}
}
