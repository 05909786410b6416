job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv     = ["a"]
    for_each = 3 # error: wrong_type
  }
}
