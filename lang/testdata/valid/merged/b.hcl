locals {
  who = host.a
}
job "x" {
  hosts = local.who
}
