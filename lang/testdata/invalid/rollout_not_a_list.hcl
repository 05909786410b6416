job "a" {
  hosts = host.localhost
  rollout {
    batches = "1" # error: wrong_type
  }
}
