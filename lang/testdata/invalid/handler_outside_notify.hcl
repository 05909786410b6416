job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [handler.b] # error: unknown_reference
  }
  handler "command" "b" {
    argv = ["x"]
  }
}
