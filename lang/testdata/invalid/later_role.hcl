job "a" {
  hosts = host.localhost
  role "a" { # error: not_supported
    source = "./x"
  }
}
