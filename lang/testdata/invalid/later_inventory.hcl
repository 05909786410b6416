inventory "ansible" "a" { # error: not_supported
  path = "x"
}
