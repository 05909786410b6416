host "web" {
  address = "a"
  labels  = { tier = "web" }
  vars    = { port = 1 }
  hop "ssh" {}
}
job "a" {
  hosts = [for h in host : h if h.labels.tir == "web"] # says: "host" alone stands for nothing: the name of a host must follow, as in host.NAME.
  task "command" "a" { argv = ["a", self.labels.teir, self.vars.prot] }
}
