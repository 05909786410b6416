job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv     = ["a"]
    for_each = toset([1, 2]) # error: wrong_type
  }
}
