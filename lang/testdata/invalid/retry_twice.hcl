job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    retry {}
    retry {} # error: duplicate_block
  }
}
