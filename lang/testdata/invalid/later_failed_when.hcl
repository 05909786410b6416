job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
    failed_when = false # error: not_supported
  }
}
