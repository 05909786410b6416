host "h" {
  count = 7
  hop "local" {}
}
job "a" {
  hosts = host.h
  strategy = "lockstep"
  rollout {
    batches = ["33%"]
    pause   = "0s"
  }
  task "command" "x" {
    argv = ["x"]
    run_once = true
  }
}
