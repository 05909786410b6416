job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    retry {
      delay = "soon" # error: invalid_value
    }
  }
}
