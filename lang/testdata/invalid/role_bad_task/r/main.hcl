task "command" "x" {
  argv = [var.nothing] # error: unknown_reference
}
