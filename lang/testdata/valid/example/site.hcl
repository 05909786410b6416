variable "sudo_password" {
  type      = string
  sensitive = true
  default   = null
}

chain "admin" {
  hop "ssh"  { user = "deploy" }
  hop "sudo" {
    user     = "root"
    password = var.sudo_password
  }
}

host "web" {
  for_each = { a = "127.0.1.1", b = "127.0.1.2" }
  address  = each.value
  chain    = chain.admin
  vars     = { port = 8080 }
}

host "app" {
  via = host.web["a"]
  hop "docker" { container = "app" }
}

job "site" {
  hosts = concat(values(host.web), [host.app])
  task "directory" "site" { path = "/srv/site" }
  task "file" "conf" {
    for_each = { for i in range(20) : "f${i}" => i }
    path     = "/srv/site/${each.key}.conf"
    content  = templatefile("site.tftpl", { n = each.value, host = self.name, arch = self.facts.arch })
    mode     = "0640"
  }
  task "command" "who" {
    argv    = ["/bin/id", "-un"]
    changes = false
    when    = self.name != "app"
  }
  task "shell" "stamp" {
    script  = "echo ${task.command.who.stdout} > /srv/site/who"
    creates = "/srv/site/who"
    when    = self.name != "app"
  }
}
