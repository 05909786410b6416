inventory "ansible" "a" { # error: invalid_value
  path = "hosts"
}
