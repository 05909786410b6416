job "a" { # says: This block has no closing brace. It, or one inside of it, lacks its }.
  hosts = [host.localhost]
  task "command" "a" { argv = ["ls"] }
