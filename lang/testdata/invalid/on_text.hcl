job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    on = "localhost" # error: wrong_type
  }
}
