chain "admin" {
  hop "ssh" { user = "deploy" }
  hop "sudo" {}
}

host "web" {
  for_each = { a = "web1.example.net", b = "web2.example.net" }
  address  = each.value
  chain    = chain.admin
}

host "app" {
  via = host.web["a"]
  hop "docker" { container = "app" }
}

host "bastion" {
  address = "bastion.example.net"
  hop "ssh" { user = "jump" }
}

host "inner" {
  count   = 2
  via     = host.bastion
  address = "10.0.0.${count.index + 1}"
  hop "ssh" { user = "deploy" }
}

# Job after is first in the source and last in the plan.
job "after" {
  hosts      = host.inner
  depends_on = [job.site]
  task "command" "all" { argv = ["true"] }
}

job "site" {
  hosts = concat(values(host.web), [host.app])
  task "directory" "site" { path = "/srv/site" }
  task "file" "conf" {
    path    = "/srv/site/conf"
    content = self.facts.arch
  }
  task "command" "who" {
    argv    = ["id", "-un"]
    changes = false
  }
  task "command" "echo" { argv = ["echo", task.command.who.stdout] }
  task "command" "postgres" {
    argv   = ["psql", "-c", "select 1"]
    run_as = "postgres"
  }
  task "command" "last" { argv = ["true"] }
}
