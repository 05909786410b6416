host "h" {
  for_each = toset(["a"])
  hop "local" {}
}
job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    on = host.h # error: wrong_type
  }
}
