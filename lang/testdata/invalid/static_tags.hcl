job "a" {
  hosts = host.localhost
  tags = [run.id] # error: not_static
}
