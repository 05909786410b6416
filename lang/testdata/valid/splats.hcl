host "n" {
  count = 2
  hop "local" {}
}
host "m" {
  for_each = toset(["k"])
  hop "local" {}
}
job "a" {
  hosts = concat(host.n, values(host.m))
  task "command" "x" {
    argv = host.n[*].name
  }
  task "command" "y" {
    argv = values(host.m)[*].name
  }
}
