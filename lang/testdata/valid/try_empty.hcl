job "a" {
  hosts = host.localhost
  try {}
  try {
    rescue {}
    always {}
  }
}
