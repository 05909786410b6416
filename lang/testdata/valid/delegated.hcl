host "lb" {
  for_each = toset(["east", "west"])
  hop "local" {}
}
host "w" {
  for_each = { a = "east", b = "west" }
  vars     = { zone = each.value }
  hop "local" {}
}
job "a" {
  hosts = host.w
  task "command" "x" {
    argv = ["drain", self.name]
    on   = host.lb[self.vars.zone]
    lane = "lb-${self.vars.zone}"
  }
}
