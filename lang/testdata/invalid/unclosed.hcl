job "a" { # error: syntax
  hosts = []
