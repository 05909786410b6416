host "n" {
  count   = 3
  address = "10.0.0.${count.index}"
  vars    = { i = count.index }
  hop "ssh" {
    port = 2200 + count.index
  }
}
job "a" {
  hosts = [for h in host.n : h if h.vars.i != 1]
  task "command" "x" {
    argv = [self.name, tostring(self.vars.i)]
  }
}
