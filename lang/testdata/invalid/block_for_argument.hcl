host "a" {
  labels { # error: unknown_block
    a = "b"
  }
  hop "local" {}
}
