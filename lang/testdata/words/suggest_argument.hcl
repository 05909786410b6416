job "web" {
  hots = [host.localhost] # says: There is no argument "hots" in a job. Did you mean "hosts"?
  task "command" "a" { agrv = ["a"] } # says: There is no argument "agrv" in a task of the action "command". Did you mean "argv"?
}
