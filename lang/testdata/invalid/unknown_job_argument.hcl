job "a" {
  hosts = host.localhost
  host = host.localhost # error: unknown_argument
}
