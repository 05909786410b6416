host "a" {
  address = "a"
  hop "ssh" {
    usr = "x" # error: unknown_argument
  }
}
