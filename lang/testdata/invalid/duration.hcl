job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv    = ["a"]
    timeout = 30 # error: invalid_value
  }
}
