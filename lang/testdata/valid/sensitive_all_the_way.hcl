variable "s" {
  default   = "s3cret"
  sensitive = true
}
locals {
  t = upper(var.s)
}
host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "file" "f" {
    path    = "/f"
    content = "${local.t}!"
  }
  task "command" "g" {
    argv = ["g"]
    sensitive = true
  }
  task "command" "h" {
    argv = [task.command.g.stdout]
  }
}
output "o" {
  value     = local.t
  sensitive = true
}
