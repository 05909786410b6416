job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [self.facts.cpu] # error: unknown_reference
  }
}
