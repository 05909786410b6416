locals {
  tags = ["b", "a", "b"]
}
job "x" {
  hosts = host.localhost
  tags  = local.tags
  task "command" "a" {
    argv = ["a"]
    tags = toset(["c", "a"])
  }
  handler "command" "h" {
    argv = ["h"]
  }
}
