job "a" {
  hosts = host.localhost
  task "file" "a" {
    path  = "/a"
    state = "abesnt" # error: invalid_value
  }
}
