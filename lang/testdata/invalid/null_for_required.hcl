job "a" {
  hosts = host.localhost
  task "file" "a" {
    path = null # error: missing_argument
  }
}
