job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [self.adress] # error: unknown_reference
  }
}
