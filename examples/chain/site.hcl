# Two machines by ssh and sudo, and a container on the first of them: the same job for all three.

variable "machines" {
  type        = map(string)
  description = "Addresses by name. The container runs on the machine named a."
  default     = { a = "web1.example.net", b = "web2.example.net" }
}

variable "user" {
  type        = string
  description = "Who to log in as."
  default     = "deploy"
}

variable "sudo_password" {
  type      = string
  sensitive = true
  default   = null
}

variable "ssh_config" {
  type        = string
  description = "An ssh configuration to use instead of ~/.ssh/config."
  default     = null
}

variable "container" {
  type    = string
  default = "app"
}

chain "admin" {
  hop "ssh" {
    user   = var.user
    config = var.ssh_config
  }
  hop "sudo" {
    user     = "root"
    password = var.sudo_password
  }
}

host "web" {
  for_each = var.machines
  address  = each.value
  chain    = chain.admin
  vars     = { port = 8080 }
}

# Inside the container: ssh -> sudo -> docker. The container needs no shell.
host "app" {
  via = host.web["a"]
  hop "docker" { container = var.container }
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

output "who" {
  value = { for host, result in job.site.task.command.who : host => result.stdout }
}
