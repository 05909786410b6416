inventory "ansible" "a" { # error: duplicate_name
  path = "hosts"
}

job "j" {
  hosts = concat([host.localhost], values(inventory.ansible.a.hosts))
}
