job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    retry {
      attemps = 2 # error: unknown_argument
    }
  }
}
