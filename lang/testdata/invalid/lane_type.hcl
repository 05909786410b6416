job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    lane = ["a"] # error: wrong_type
  }
}
