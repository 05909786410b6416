job "a" {
  hosts = host.localhost
  rollout {
    batches = [host.localhost.facts.cpus] # error: not_static
  }
}
