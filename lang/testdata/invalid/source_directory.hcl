job "a" {
  hosts = host.localhost
  task "file" "a" {
    path   = "/a"
    source = "." # error: unreadable
  }
}
