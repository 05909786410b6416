job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    changed_when = result.stdot == "" # error: unknown_reference
  }
}
