host "a" {
  hop "local" {}
}
