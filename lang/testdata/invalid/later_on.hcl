job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
    on = host.localhost # error: not_supported
  }
}
