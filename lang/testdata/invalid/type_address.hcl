host "a" {
  address = ["a"] # error: wrong_type
  hop "ssh" {}
}
