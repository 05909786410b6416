host "a" {
  address = "a"
  hop "ssh" {
    usr      = "a" # says: There is no argument "usr" in a hop of the transport "ssh". Did you mean "user"?
    host_key = "strct" # says: "host_key" of the hop "ssh" must be "strict", "accept-new" or "ignore", not "strct". Did you mean "strict"?
  }
}
