job "a" {
  hosts = [for h in [host.localhost] : h if h.facts.cpus > 2] # error: not_static
}
