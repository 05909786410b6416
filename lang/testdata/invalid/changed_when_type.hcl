job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    changed_when = "perhaps" # error: wrong_type
  }
}
