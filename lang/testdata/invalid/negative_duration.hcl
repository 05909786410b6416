job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv    = ["a"]
    timeout = "-3s" # error: invalid_value
  }
}
