variable "vault_password" {
  sensitive = true
  default   = "correct horse"
}

chain "bastion" {
  hop "ssh" {
    address = "bastion.example.net"
    user    = "jump"
  }
}

inventory "ansible" "shop" {
  path           = "ansible"
  vault_password = var.vault_password
}

inventory "ansible" "far" {
  path  = "far.ini"
  chain = chain.bastion
  hop "sudo" { user = self.vars.owner }
}

inventory "ssh_config" "mine" {
  path = "ssh_config"
  hop "ssh" { user = "me" }
}

inventory "exec" "cloud" {
  argv    = ["cat", "cloud.json"]
  timeout = "5s"
  hop "ssh" {
    address = "docker.example.net"
  }
  hop "docker" { container = self.vars.container }
}

inventory "terraform" "aws" {
  path    = "terraform.tfstate"
  when    = resource.type == "aws_instance" && resource.module == ""
  name    = resource.values.tags.Name
  address = coalesce(resource.values.public_ip, resource.values.private_ip)
  groups  = [resource.values.tags.tier]
  vars = {
    id   = resource.values.id
    data = try(resource.values.user_data, null)
  }
  hop "ssh" { user = "admin" }
}

host "inside" {
  via = inventory.ansible.shop.hosts["db1"]
  hop "docker" { container = "pg" }
}

job "web" {
  hosts = inventory.ansible.shop.groups.web
  task "file" "conf" {
    path    = "/etc/app"
    content = "${self.name} ${join(",", self.groups)} ${self.vars.port} ${coalesce(self.address, "nowhere")}"
  }
  task "shell" "secret" {
    script = "echo ${self.vars.ansible_become_password}"
  }
  task "shell" "peers" {
    script = join(" ", [for name, h in inventory.ansible.shop.groups.web : "${name}=${h.facts.arch}"])
  }
}

job "all" {
  hosts = concat(values(inventory.terraform.aws.hosts), values(inventory.exec.cloud.hosts), [inventory.ssh_config.mine.hosts.alpha])
  task "command" "id" {
    argv = ["id"]
    on   = inventory.ansible.shop.hosts.db1
  }
}

output "groups" {
  value = { for name, hosts in inventory.ansible.shop.groups : name => keys(hosts) }
}

output "aws" {
  value = { for name, h in inventory.terraform.aws.hosts : name => h.address }
}
