job "a" {
  hosts = host.localhost
  rollout {
    max_failures = -1 # error: invalid_value
  }
}
