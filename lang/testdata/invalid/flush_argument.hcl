job "a" {
  hosts = host.localhost
  task "flush" "a" {
    path = "/x" # error: unknown_argument
  }
}
