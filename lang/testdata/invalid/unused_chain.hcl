chain "a" {
  hop "ssh" {
    port = [1] # error: wrong_type
  }
}
