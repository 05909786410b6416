host "a" {
  via = "b" # error: wrong_type
}
