job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv    = ["a"]
    changes = "maybe" # error: wrong_type
  }
}
