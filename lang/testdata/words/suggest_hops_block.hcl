host "web" { # says: There is no way to reach the host web: it needs via, chain or a hop block, such as hop "ssh" {}.
  adress = "a" # says: There is no argument "adress" in a host. Did you mean "address"?
  hops "ssh" {} # says: There is no block "hops" in a host. Did you mean "hop"?
}
