job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
    when = "yes" # error: wrong_type
  }
}
