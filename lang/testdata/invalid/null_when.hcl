job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
    when = null # error: wrong_type
  }
}
