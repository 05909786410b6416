host "w" {
  for_each = toset(["a"])
  hop "local" {}
}
host "x" {
  for_each = toset(["a", "b"])
  via      = host.w[each.key] # error: unknown_reference
}
