job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = "ls -l" # error: wrong_type
  }
}
