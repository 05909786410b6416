job "a" {
  hosts = host.localhost
  try { # error: not_supported
  }
}
