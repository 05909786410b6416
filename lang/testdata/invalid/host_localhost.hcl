host "localhost" { # error: duplicate_name
  hop "local" {}
}
