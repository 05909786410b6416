job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
    run_once = true # error: not_supported
  }
}
