job "web" {
  hosts = [host.localhost]
  task "command" "a" {
    argv = ["a"]
    rety { attempts = 2 } # says: There is no block "rety" in a task of the action "command". Did you mean "retry"?
  }
}
