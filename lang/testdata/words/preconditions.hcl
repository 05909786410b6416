job "a" {
  hosts = host.localhost
  precondition {
    condition     = "x" # says: "condition" of a precondition takes bool, but this is string.
    error_message = "x"
  }
  precondition { # says: A precondition needs the argument "error_message".
    condition = self.facts.cpus > "2x"
  }
  task "command" "a" { argv = ["ls"] }
}
