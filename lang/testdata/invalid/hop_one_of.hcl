host "a" {
  address = "x"
  hop "ssh" {
    host_key = "off" # error: invalid_value
  }
}
