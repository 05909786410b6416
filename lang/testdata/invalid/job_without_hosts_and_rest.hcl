# A job whose hosts are missing or wrong hides nothing of what does not depend on them.
job "missing" { # error: missing_argument
  task "command" "c" {
    argv = 7             # error: wrong_type
    on   = "elsewhere"   # error: wrong_type
    lane = []            # error: wrong_type
  }
  task "command" "self" {
    argv = [self.name, self.vars.x, self.nothing] # error: unknown_reference
  }
  task "command" "known" {
    argv    = [self.name, self.vars.x, self.facts.arch]
    on      = self.name == "x" ? host.localhost : null
    lane    = self.name
    timeout = "soon" # error: invalid_value
    hop "ssh" {
      address = self.address
      port    = "many" # error: wrong_type
    }
  }
}
job "wrong" {
  hosts = 5 # error: wrong_type
  task "command" "c" {
    argv = 7 # error: wrong_type
  }
}
job "unknown" {
  hosts  = [host.none] # error: unknown_reference
  run_as = []          # error: wrong_type
  task "command" "c" {
    argv = task.command.c2.stdout # error: later_reference
  }
  task "command" "c2" {
    argv = ["x"]
    when = "often" # error: wrong_type
  }
}
