job "a" {
  hosts = host.localhost
  rollout {
    pause = "-1s" # error: invalid_value
  }
}
