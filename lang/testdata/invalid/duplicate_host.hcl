host "a" {
  hop "local" {}
}
host "a" { # error: duplicate_name
  hop "local" {}
}
