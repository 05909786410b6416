host "a" {
  for_each = toset(host.localhost.facts.mounts[*].path) # error: not_static
  hop "local" {}
}
