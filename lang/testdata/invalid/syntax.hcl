host "a" {
  address = # error: syntax
}
