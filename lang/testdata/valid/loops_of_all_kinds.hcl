host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "command" "set" {
    argv = [each.key]
    for_each = toset(["b", "a"])
  }
  task "command" "list" {
    argv = [each.value]
    for_each = tolist(["b", "a"])
  }
  task "command" "object" {
    argv = [each.key, tostring(each.value.n)]
    for_each = { x = { n = 1 }, y = { n = 2 } }
  }
  task "command" "none" {
    argv = ["x"]
    for_each = []
  }
  task "command" "some" {
    argv = [each.value]
    for_each = ["p", "q"]
    when     = each.value == "q"
  }
}
