runner {
  connect_timeout  = "10" # says: "connect_timeout" of the runner block takes a duration such as "30s" or "1m30s", and "10" is none. Did you mean "10s"?
  task_timeout     = "1d" # says: "task_timeout" of the runner block takes a duration such as "30s" or "1m30s", and "1d" is none.
  parallelism      = 0 # says: "parallelism" takes a whole number from 1 to 100000, but this is 0.
}
job "a" {
  hosts = [host.localhost]
  rollout {
    batches      = ["50"]
    max_failures = "101%" # says: "max_failures" takes a number of hosts from 0, or a part of them from "0%" to "100%", but this is "101%".
    pause        = "5 minutes" # says: "pause" of a rollout takes a duration such as "30s" or "1m30s", and "5 minutes" is none.
  }
  task "command" "a" {
    argv    = ["a"]
    timeout = "0s" # says: "timeout" of a task takes a duration such as "30s" or "1m30s", and "0s" is none.
    retry {
      attempts = 0 # says: "attempts" takes a number from 1 to 10000, but this is 0.
      delay    = "x" # says: "delay" of a task takes a duration such as "30s" or "1m30s", and "x" is none.
      backoff  = 0 # says: "backoff" takes a number from 1 to 100, but this is 0.
    }
  }
}
