job "a" {
  hosts = host.localhost
  try {
    task "command" "c" {
      argv = ["x"]
    }
    always {}
    rescue {} # error: decode
  }
}
