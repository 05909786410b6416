task "command" "x" {
  argv = [var.v] # error: unknown_reference
}
