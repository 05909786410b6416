inventory "ansible" "a" {
  path = "x" # error: unreadable
}
