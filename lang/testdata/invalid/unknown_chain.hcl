host "a" {
  address = "x"
  chain   = chain.admin # error: unknown_reference
}
