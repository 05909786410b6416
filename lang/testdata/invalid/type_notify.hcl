job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv   = ["a"]
    notify = ["reload"] # error: wrong_type
  }
}
