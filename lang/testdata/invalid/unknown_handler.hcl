job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv   = ["a"]
    notify = [handler.relaod] # error: unknown_reference
  }
  handler "command" "reload" {
    argv = ["a"]
  }
}
