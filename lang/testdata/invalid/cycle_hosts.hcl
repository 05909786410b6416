host "a" {
  via = host.b
}
host "b" {
  via = host.a # error: cycle
}
