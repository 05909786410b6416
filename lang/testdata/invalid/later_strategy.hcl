job "a" {
  hosts = host.localhost
  strategy = "free" # error: not_supported
}
