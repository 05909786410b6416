host "a" {
  count = 1.5 # error: invalid_value
  hop "local" {}
}
