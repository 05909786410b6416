variable "port" {
  type     = number
  nullable = false
  validation {
    condition     = var.port > 0
    error_message = "A port is positive."
  }
}

variable "owner" {
  type    = string
  default = "root"
}

locals {
  path = "/etc/web-${var.port}.conf"
}

task "file" "conf" {
  path    = local.path
  content = templatefile("web.tftpl", { port = var.port, host = self.name })
  notify  = [handler.reload]
}

task "command" "check" {
  argv    = ["check", local.path, var.owner]
  changes = false
  when    = task.file.conf.changed
}

handler "command" "reload" {
  argv = ["reload", tostring(var.port)]
}

output "address" {
  value = "${self.name}:${var.port}"
}

output "found" {
  value = task.command.check.stdout
}
