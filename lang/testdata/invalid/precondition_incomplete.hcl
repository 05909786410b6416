job "a" {
  hosts = host.localhost
  precondition { # error: missing_argument
    condition = true
  }
}
