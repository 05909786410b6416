task "command" "x" {
  argv = [
} # error: syntax
