job "a" {
  hosts = host.localhost
  strategy = "locksteps" # error: invalid_value
}
