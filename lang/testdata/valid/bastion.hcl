host "bastion" {
  address = "bastion.example.net"
  hop "ssh" {
    user = "jump"
  }
}
chain "inner" {
  hop "ssh" {
    user = self.vars.user
    port = 22
  }
}
host "db" {
  count   = 2
  via     = host.bastion
  address = "10.0.0.${count.index + 1}"
  chain   = chain.inner
  vars    = { user = "u${count.index}", bastion = host.bastion.address }
}
host "container" {
  for_each = { for i, h in host.db : h.address => i if i > 0 }
  via      = host.db[each.value]
  hop "docker" {
    container = "c-${self.name}"
  }
}
job "x" {
  hosts = concat(host.db, values(host.container))
  hop "sudo" {
    user = self.name
  }
  task "command" "a" {
    argv = [self.vars.user]
    when = self.name != "container[\"10.0.0.2\"]"
  }
}
