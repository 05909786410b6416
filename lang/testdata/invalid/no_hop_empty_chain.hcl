chain "a" {
}
host "b" { # error: no_hop
  chain = chain.a
}
