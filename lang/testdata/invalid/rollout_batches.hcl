job "a" {
  hosts = host.localhost
  rollout {
    batches = [
      "1",
      "few", # error: invalid_value
      "25%",
      0,      # error: invalid_value
      null,   # error: invalid_value
      "101%", # error: invalid_value
    ]
  }
}
job "b" {
  hosts = host.localhost
  rollout {
    batches = concat(["x"], [-1]) # error: invalid_value # error: invalid_value
  }
}
