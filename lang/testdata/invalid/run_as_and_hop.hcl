job "a" {
  hosts = host.localhost
  run_as = "x" # error: invalid_value
  hop "sudo" {}
}
