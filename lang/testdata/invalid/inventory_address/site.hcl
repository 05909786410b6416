inventory "ansible" "a" {
  path = "hosts"
}
