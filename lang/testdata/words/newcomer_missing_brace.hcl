job "a" { # says: There is no closing brace for this block before the end of the file. This may be caused by incorrect brace nesting elsewhere in this file.
  hosts = [host.localhost]
  task "command" "a" { argv = ["ls"] }
