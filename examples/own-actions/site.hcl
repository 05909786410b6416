variable "token" {
  type      = string
  sensitive = true
  default   = "not much of a secret"
}

variable "directory" {
  type    = string
  default = "/tmp/runner-own-actions"
}

job "own" {
  hosts = [host.localhost]

  task "flag" "maintenance" {
    name      = "maintenance"
    directory = var.directory
  }

  task "setting" "port" {
    path  = "${var.directory}/settings.json"
    key   = "port"
    value = 8080
  }

  task "setting" "flag" {
    path  = "${var.directory}/settings.json"
    key   = "flag"
    value = task.flag.maintenance.path
    token = var.token
  }
}

output "flag" {
  value = { for host, result in job.own.task.flag.maintenance : host => result.path }
}
