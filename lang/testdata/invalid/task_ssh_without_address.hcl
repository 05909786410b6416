job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["x"]
    hop "ssh" {} # error: no_address
  }
}
