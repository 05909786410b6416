variable "name" {
  type        = string
  description = "What the site, its user and its units are called."
}

variable "repository" {
  type        = string
  description = "Where git finds what is served."
}

variable "release" {
  type = string
}

variable "port" {
  type    = number
  default = 80
}

locals {
  home = "/srv/${var.name}"
}

task "package" "web" {
  names      = ["nginx-light", "git", "cron", "nftables"]
  recommends = false
}

task "user" "site" {
  name        = var.name
  system      = true
  home        = local.home
  create_home = false
  shell       = "/usr/sbin/nologin"
  comment     = "The site ${var.name}"
}

task "directory" "home" {
  path  = local.home
  mode  = "0755"
  owner = var.name
  group = var.name
}

task "git" "app" {
  url     = var.repository
  path    = "${local.home}/app"
  version = var.release
  notify  = [handler.worker]
}

task "file" "site" {
  path    = "/etc/nginx/sites-available/${var.name}"
  content = templatefile("site.conf.tftpl", { name = var.name, port = var.port, root = "${local.home}/app/public" })
  notify  = [handler.nginx]
}

task "symlink" "site" {
  path   = "/etc/nginx/sites-enabled/${var.name}"
  target = "/etc/nginx/sites-available/${var.name}"
  notify = [handler.nginx]
}

task "file" "default" {
  path   = "/etc/nginx/sites-enabled/default"
  state  = "absent"
  notify = [handler.nginx]
}

task "unit" "limits" {
  name    = "nginx"
  dropin  = "10-limits.conf"
  content = "[Service]\nLimitNOFILE=65536\n"
  notify  = [handler.restart]
}

task "unit" "worker" {
  name    = "${var.name}-worker"
  content = templatefile("worker.service.tftpl", { name = var.name, home = local.home })
  notify  = [handler.worker]
}

task "unit" "report" {
  for_each = toset(["service", "timer"])
  name     = "${var.name}-report.${each.key}"
  content  = templatefile("report.${each.key}.tftpl", { name = var.name, home = local.home })
}

task "file" "firewall" {
  path     = "/etc/nftables.conf"
  content  = templatefile("nftables.conf.tftpl", { ports = [22, var.port] })
  mode     = "0755"
  validate = ["/usr/sbin/nft", "--check", "--file", "%s"]
  notify   = [handler.firewall]
}

task "cron" "prune" {
  name    = "prune ${var.name}"
  file    = var.name
  user    = var.name
  minute  = "15"
  hour    = "3"
  command = "find ${local.home}/app/cache -mtime +7 -delete"
}

task "service" "all" {
  for_each = toset(["nginx", "nftables", "cron", "${var.name}-worker", "${var.name}-report.timer"])
  name     = each.key
  state    = "running"
  enabled  = true
}

handler "service" "nginx" {
  name  = "nginx"
  state = "reloaded"
}

handler "service" "restart" {
  name  = "nginx"
  state = "restarted"
}

handler "service" "worker" {
  name  = "${var.name}-worker"
  state = "restarted"
}

handler "service" "firewall" {
  name  = "nftables"
  state = "restarted"
}

output "commit" {
  value = task.git.app.after
}
