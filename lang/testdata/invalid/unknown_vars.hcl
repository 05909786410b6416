job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [self.vars.port] # error: unknown_reference
  }
}
