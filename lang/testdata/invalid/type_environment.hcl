job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv        = ["a"]
    environment = ["A=b"] # error: wrong_type
  }
}
