job "a" {
  hosts = host.localhost
  rollout {
    batches = [0] # error: invalid_value
  }
}
