job "a" {
  hosts = host.localhost
  try {
    task "command" "c" {
      argv = [failure.stdout] # error: unknown_reference
    }
    rescue {}
  }
}
