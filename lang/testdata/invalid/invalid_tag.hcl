job "a" {
  hosts = host.localhost
  tags = ["a,b"] # error: invalid_value
}
