job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    run_once = "often" # error: wrong_type
  }
}
