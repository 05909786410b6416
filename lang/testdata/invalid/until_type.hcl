job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    retry {
      until = [result.stdout] # error: wrong_type
    }
  }
}
