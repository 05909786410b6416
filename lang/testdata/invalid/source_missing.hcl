job "a" {
  hosts = host.localhost
  task "file" "a" {
    path   = "/a"
    source = "nothing.txt" # error: unreadable
  }
}
