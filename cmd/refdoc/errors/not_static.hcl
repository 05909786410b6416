job "web" {
  hosts  = [host.localhost]
  run_as = self.facts.user.name
  task "directory" "data" { path = "/srv/data" }
}
