host "h" {
  count = 2
  vars  = { port = 80 + count.index }
  hop "local" {}
}

job "a" {
  hosts       = host.h
  environment = { A = "job", B = "job" }
  task "command" "before" {
    argv = ["before"]
  }
  role "web" {
    source      = "../roles/web"
    port        = self.vars.port
    when        = task.command.before.changed
    tags        = ["web"]
    run_as      = "www"
    environment = { B = "role", C = task.command.before.stdout }
    on_failure  = "continue"
  }
  role "other" {
    source = "../roles/web"
    port   = 1
    owner  = role.web.address
  }
  role "outer" {
    source = "../roles/outer"
    name   = role.web.found
    secret = sensitive("s3cret")
  }
  task "command" "after" {
    argv = [role.web.address, role.outer.inner]
  }
}
