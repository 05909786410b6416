job "a" {
  hosts = []
}
