variable "v" {
  type = string
}
task "command" "c" {
  argv = [local.nope] # error: unknown_reference
}
output "wrong" {
  value = task.command.d.stdout # error: unknown_reference
}
output "number" {
  value = tonumber(var.v) # error: evaluate
}
