host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "command" "many" {
    argv = [each.key]
    for_each = { p = 1, q = 2 }
  }
  task "command" "one" {
    argv = [task.command.many["p"].stdout]
  }
  task "command" "all" {
    argv = [for k, r in task.command.many : "${k}=${r.exit_code}"]
  }
}
