job "a" {
  hosts = host.localhost
  rollout {}
  rollout {} # error: duplicate_block
}
