host "h" {
  for_each = { a = "web", b = "db" }
  labels   = { tier = each.value }
  hop "local" {}
}
job "a" {
  hosts = [for h in host.h : h if h.labels.tier == "db"]
  task "command" "x" {
    argv = [self.labels.tier]
  }
}
