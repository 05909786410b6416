task "command" "a" {
  argv   = 7 # error: wrong_type
  when   = var.given
  notify = [handler.h]
}
task "command" "b" {
  argv    = [local.x, task.command.none.stdout]
  timeout = "soon" # error: invalid_value
}
task "command" "c" {
  argv = [host.none.name] # error: unknown_reference
}
output "known" {
  value = nofunc() # error: unknown_function
}
