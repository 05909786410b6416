host { # error: decode
  hop "local" {}
}
