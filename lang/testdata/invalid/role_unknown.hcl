job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = [role.r.address] # error: unknown_reference
  }
}
