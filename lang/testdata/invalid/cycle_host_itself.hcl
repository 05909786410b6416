host "a" {
  via = host.a # error: cycle
}
