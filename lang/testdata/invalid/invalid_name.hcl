host "1a" { # error: invalid_name
  hop "local" {}
}
