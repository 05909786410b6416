job "a" {
  hosts = host.localhost
  try {
  task "command" "b" {
    argv = ["a"]
  }
    rescue {
      task "command" "c" {
        argv = [failure.stdot] # error: unknown_reference
      }
    }
  }
}
