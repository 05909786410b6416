job "a" {
  hosts = host.localhost
  rollout {
    batches = [] # error: wrong_type
  }
}
