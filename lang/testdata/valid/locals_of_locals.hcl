locals {
  a = [for n in range(3) : n * local.b]
  b = length(local.c)
  c = { x = 1, y = 2 }
}
host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "command" "x" {
    argv = [for n in local.a : tostring(n)]
  }
}
