job "a" {
  hosts = host.localhost
  try {
    always {}
    rescue {} # error: decode
  }
}
