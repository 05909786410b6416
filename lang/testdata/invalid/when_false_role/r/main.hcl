variable "x" {
  default = null
}
task "command" "c" {
  argv  = 7 # error: wrong_type
  chdir = var.x.y
}
