job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv        = ["a"]
    environment = { "A=" = "b" } # error: invalid_value
  }
}
