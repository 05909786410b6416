job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
    wehn = true # error: unknown_argument
  }
}
