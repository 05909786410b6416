host "a" "b" { # error: decode
  hop "local" {}
}
