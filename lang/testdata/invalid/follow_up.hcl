locals {
  a = 1 + "x" # error: evaluate
  b = local.a
}
host "x" {
  vars = { b = local.b }
  hop "local" {}
}
job "j" {
  hosts = host.x
  task "command" "c" {
    argv = [self.vars.b, host.x.name]
  }
}
output "o" {
  value = local.b
}
