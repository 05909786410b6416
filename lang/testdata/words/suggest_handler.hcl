job "web" {
  hosts = [host.localhost]
  task "command" "version" {
    argv   = ["a"]
    notify = [handler.relaod] # says: The job "web" has no handler "relaod". Did you mean "reload"?
  }
  handler "command" "reload" { argv = ["a"] }
}
