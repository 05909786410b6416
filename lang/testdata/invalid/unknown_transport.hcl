host "a" {
  address = "a"
  hop "shh" {} # error: unknown_transport
}
