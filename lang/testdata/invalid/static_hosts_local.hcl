locals {
  big = host.localhost.facts.cpus > 2
}
job "a" {
  hosts = local.big ? [host.localhost] : [] # error: not_static
}
