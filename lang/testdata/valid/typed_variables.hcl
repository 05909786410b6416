variable "o" {
  type = object({
    name = string
    port = optional(number, 80)
    tags = optional(set(string), ["x"])
  })
  default = { name = "n" }
}
variable "m" {
  type    = map(list(number))
  default = { a = [1, "2"] }
}
host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "command" "x" {
    argv = [var.o.name, tostring(var.o.port), jsonencode(var.m), join(",", var.o.tags)]
  }
}
