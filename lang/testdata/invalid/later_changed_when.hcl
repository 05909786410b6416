job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
    changed_when = true # error: not_supported
  }
}
