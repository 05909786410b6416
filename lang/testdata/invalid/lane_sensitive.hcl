variable "s" {
  default   = "x"
  sensitive = true
}
job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = ["a"]
    lane = var.s # error: sensitive
  }
}
