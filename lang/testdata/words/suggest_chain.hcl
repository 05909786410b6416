chain "admin" {
  hop "sudo" {}
}
host "a" {
  chain = chain.amdin # says: The site declares no chain "amdin". Did you mean "admin"?
}
