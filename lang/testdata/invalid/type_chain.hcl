host "a" {
  chain   = "admin" # error: wrong_type
  address = "x"
}
