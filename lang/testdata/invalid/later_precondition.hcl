job "a" {
  hosts = host.localhost
  precondition { # error: not_supported
    condition = true
  }
}
