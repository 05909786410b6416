job "a" {
  hosts = host.localhost
  task "file" "a" {
    path = "a/b" # error: invalid_value
  }
}
