variable "a" { # error: missing_variable
}
locals {
  b = loca.c # error: unknown_reference
}
host "h" { # error: no_hop
}
job "j" {
  hosts = host.localhost
  task "command" "c" {
    argv = 1 # error: wrong_type
    mode = 2 # error: unknown_argument
  }
}
