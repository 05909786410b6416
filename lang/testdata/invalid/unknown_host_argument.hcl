host "a" {
  adress = "a" # error: unknown_argument
  hop "local" {}
}
