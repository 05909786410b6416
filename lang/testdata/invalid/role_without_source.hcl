job "a" {
  hosts = host.localhost
  role "r" { # error: missing_argument
  }
}
