job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    run_once = self.name == "" # error: unknown_reference
  }
}
