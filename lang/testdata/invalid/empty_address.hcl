host "a" {
  address = "" # error: invalid_value
  hop "ssh" {}
}
