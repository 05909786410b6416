host "h" {
  for_each = toset(["a", "b"])
  hop "local" {}
}

job "x" {
  hosts = host.h
  when  = self.name == "h[\"a\"]"
  task "command" "a" {
    for_each = ["x"]
    argv     = ["a"]
    when     = each.value == "x"
  }
}
