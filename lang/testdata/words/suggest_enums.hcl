host "web" {
  address = "a"
  hop "ssh" { host_key = "acept-new" } # says: "host_key" of the hop "ssh" must be "strict", "accept-new" or "ignore", not "acept-new". Did you mean "accept-new"?
}
job "a" {
  hosts    = [host.localhost]
  strategy = "lockstp" # says: "strategy" of a job must be "free" or "lockstep", not "lockstp". Did you mean "lockstep"?
  task "command" "a" {
    argv       = ["a"]
    on_failure = "contnue" # says: "on_failure" of a task must be "stop", "continue" or "abort", not "contnue". Did you mean "continue"?
  }
  task "file" "b" {
    path  = "/a"
    state = "absnt" # says: "state" of the action "file" must be "present" or "absent", not "absnt". Did you mean "absent"?
  }
}
