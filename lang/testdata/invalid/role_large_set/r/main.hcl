variable "names" {
  type = set(string)
}

task "command" "c" {
  argv = var.names
}
