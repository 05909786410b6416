host "a" {
  for_each = toset(["x"])
  hop "local" {}
}
host "b" {
  via = host.a["y"] # error: unknown_reference
}
