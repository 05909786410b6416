host "a" { # error: duplicate_name
  hop "local" {}
}
job "x" {
  hosts = host.b # error: unknown_reference
}
