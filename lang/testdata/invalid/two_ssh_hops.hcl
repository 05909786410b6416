host "a" {
  address = "x"
  hop "ssh" {} # error: no_address
  hop "ssh" {}
}
