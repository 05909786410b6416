inventory "ansible" "a" {
  path = "hosts.yml"
}
