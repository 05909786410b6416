job "a" {
  hosts = host.localhost
  task "file" "a" {
    path = "/a"
    mode = "0888" # error: invalid_value
  }
}
