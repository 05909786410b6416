job "a" {
  hosts = host.localhost
  run_as = self.facts.user.name # error: not_static
}
