variable "s" {
  default   = true
  sensitive = true
}

host "a" {
  vars = { token = var.s }
  hop "local" {}
}

host "b" {
  hop "local" {}
}

job "one" {
  hosts = var.s ? host.a : host.b # error: sensitive
}

job "element" {
  hosts = [host.b, sensitive(host.a)] # error: sensitive
}

job "value" {
  hosts = { b = host.b, a = var.s ? host.a : host.b } # error: sensitive
}

job "inside" {
  hosts = [host.a, host.b]
}
