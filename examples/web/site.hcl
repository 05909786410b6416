# A web server: packages, a user, a checkout of what it serves, its configuration, a worker with a timer, a packet filter and
# a cron entry. roles/web says how; playbook.yml does the same with Ansible.

variable "host" {
  type        = string
  description = "The address of the server, a Debian."
  default     = "web1.example.net"
}

variable "ssh_config" {
  type        = string
  description = "An ssh configuration to use instead of ~/.ssh/config."
  default     = null
}

host "web" {
  address = var.host
  hop "ssh" {
    user   = "root"
    config = var.ssh_config
  }
}

job "web" {
  hosts = [host.web]

  role "shop" {
    source     = "./roles/web"
    name       = "shop"
    repository = "/srv/git/shop.git"
    release    = "v1"
  }
}
