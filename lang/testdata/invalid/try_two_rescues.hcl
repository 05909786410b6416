job "a" {
  hosts = host.localhost
  try {
    rescue {}
    rescue {} # error: duplicate_block
  }
}
