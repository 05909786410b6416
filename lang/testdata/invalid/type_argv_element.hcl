job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [
      "ls",
      { a = 1 }, # error: wrong_type
    ]
  }
}
