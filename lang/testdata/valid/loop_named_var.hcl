variable "name" {
  default = "site"
}

host "h" {
  vars = { users = [{ name = "u1" }, { name = "u2" }] }
  hop "local" {}
}

job "a" {
  hosts = host.h
  task "command" "x" {
    argv = concat(["echo", upper(var.name)], [for var in self.vars.users : upper(var.name)])
  }
}
