inventory "ansible" "a" {
  path = "hosts"
}

inventory "ansible" "a" { # error: duplicate_name
  path = "hosts"
}
