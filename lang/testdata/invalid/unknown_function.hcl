job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = [uper("a")] # error: unknown_function
  }
}
