host "a" {
  address = "a"
  address = "b" # error: syntax
  hop "ssh" {}
}
