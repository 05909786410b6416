variable "s" {
  default   = "x"
  sensitive = true
}
job "a" {
  hosts = host.localhost
  task "command" "a" {
    for_each = { (var.s) = 1 } # error: sensitive
    argv     = ["a"]
  }
}
