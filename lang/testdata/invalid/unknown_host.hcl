job "a" {
  hosts = host.web # error: unknown_reference
}
host "wep" {
  hop "local" {}
}
