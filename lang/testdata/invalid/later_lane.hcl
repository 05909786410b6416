job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
    lane = "a" # error: not_supported
  }
}
