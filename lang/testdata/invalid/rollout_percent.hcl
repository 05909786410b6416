job "a" {
  hosts = host.localhost
  rollout {
    batches = ["120%"] # error: invalid_value
  }
}
