chain "a" {
  hop "ssh" {} # error: no_address
}
host "b" {
  chain = chain.a
}
