job "a" {
  hosts = host.localhost
  tags = "a" # error: wrong_type
}
