host "a" {
  for_each = toset(["x"])
  hop "local" {}
}
host "b" {
  via = host.a # error: wrong_type
}
