variable "name" {
  type = string
}

variable "secret" {
  type = string
}

variable "options" {
  type    = object({ mode = optional(string, "0640") })
  default = {}
}

role "inner" {
  source = "./roles/inner"
  text   = "${local.greeting}, ${var.name}"
}

locals {
  greeting = "hello"
}

task "file" "secret" {
  path    = "/secret"
  content = var.secret
  mode    = var.options.mode
}

task "file" "copy" {
  path   = "/copy"
  source = "data.txt"
}

output "inner" {
  value = role.inner.shouted
}
