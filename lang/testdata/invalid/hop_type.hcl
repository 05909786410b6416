host "a" {
  address = "x"
  hop "ssh" {
    port = "http" # error: wrong_type
  }
}
