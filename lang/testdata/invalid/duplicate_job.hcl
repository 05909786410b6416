job "a" {
  hosts = []
}
job "a" { # error: duplicate_name
  hosts = []
}
