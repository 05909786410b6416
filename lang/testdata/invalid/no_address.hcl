host "a" {
  hop "ssh" {} # error: no_address
}
