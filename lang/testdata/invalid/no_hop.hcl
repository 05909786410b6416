host "a" { # error: no_hop
  address = "x"
}
