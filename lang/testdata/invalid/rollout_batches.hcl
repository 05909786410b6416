job "a" {
  hosts = host.localhost
  rollout {
    batches = ["1", "few"] # error: invalid_value
  }
}
