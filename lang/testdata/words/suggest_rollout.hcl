job "web" {
  hosts = [host.localhost]
  rollot { batches = [1] } # says: There is no block "rollot" in a job. Did you mean "rollout"?
}
