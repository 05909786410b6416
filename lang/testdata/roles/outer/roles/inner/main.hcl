variable "text" {}

output "shouted" {
  value = upper(var.text)
}

task "command" "say" {
  argv = ["say", var.text, basename(path.module)]
}
