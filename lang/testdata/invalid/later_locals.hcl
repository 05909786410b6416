job "a" {
  hosts = host.localhost
  locals { # error: not_supported
    a = 1
  }
}
