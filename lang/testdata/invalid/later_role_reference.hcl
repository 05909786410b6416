job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [role.x.y] # error: not_supported
  }
}
