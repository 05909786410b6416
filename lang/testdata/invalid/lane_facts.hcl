job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    lane = self.facts.arch # error: not_static
  }
}
