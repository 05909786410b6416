job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv       = ["a"]
    on_failure = "ignore" # error: invalid_value
  }
}
