job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv   = ["a"]
    notify = handler.b # error: wrong_type
  }
  handler "command" "b" {
    argv = ["x"]
  }
}
