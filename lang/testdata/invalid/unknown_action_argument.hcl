job "a" {
  hosts = host.localhost
  task "file" "a" {
    path = "/a"
    contents = "x" # error: unknown_argument
  }
}
