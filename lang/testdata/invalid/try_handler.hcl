job "a" {
  hosts = host.localhost
  try {
    handler "command" "b" { # error: unknown_block
      argv = ["a"]
    }
  }
}
