host "h" {
  hop "local" {}
  vars = { port = 0 }
}
job "a" {
  hosts = host.h
  role "r" {
    source = "../roles/web"
    port   = self.vars.port # error: invalid_variable
  }
}
