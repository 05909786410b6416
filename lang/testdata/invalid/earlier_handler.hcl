job "a" {
  hosts = host.localhost
  handler "command" "a" {
    argv = ["x"]
  }
  handler "command" "b" {
    argv   = ["x"]
    notify = [handler.a] # error: later_reference
  }
}
