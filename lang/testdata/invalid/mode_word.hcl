job "a" {
  hosts = host.localhost
  task "file" "a" {
    path = "/a"
    mode = "u=rw" # error: invalid_value
  }
}
