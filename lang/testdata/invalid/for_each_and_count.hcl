host "a" {
  for_each = toset(["a"])
  count    = 2 # error: invalid_value
  hop "local" {}
}
