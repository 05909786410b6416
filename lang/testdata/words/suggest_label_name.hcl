host "web" {
  address = "a"
  lables  = { tier = "web" } # says: There is no argument "lables" in a host. Did you mean "labels"?
  hop "ssh" {}
}
