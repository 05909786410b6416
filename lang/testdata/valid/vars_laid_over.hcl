host "l" {
  vars = { a = 1, b = "b" }
  hop "local" {}
}
job "a" {
  hosts = host.l
  vars = { a = 2, c = self.vars.a + 10 }
  task "command" "x" {
    argv = [tostring(self.vars.a), self.vars.b, tostring(self.vars.c)]
  }
}
