job "a" {
  hosts = host.localhost
  role "r" {
    source = "./no-such" # error: invalid_role
  }
}
