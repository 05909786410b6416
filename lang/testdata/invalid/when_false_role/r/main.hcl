variable "x" {
  default = null
}
variable "list" {
  type = list(string)
}
task "command" "first" {
  argv  = var.list
  chdir = var.list # error: wrong_type
}
task "command" "second" {
  argv = [var.list[0], var.list + 1] # error: evaluate
}
task "command" "c" {
  argv  = 7 # error: wrong_type
  chdir = var.x.y
}
