job "a" {
  hosts = host.localhost
  rollout { # error: not_supported
    batches = ["1"]
  }
}
