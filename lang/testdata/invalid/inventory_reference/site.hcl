inventory "ansible" "a" {
  path = "hosts"
}

job "j" {
  hosts = concat(
    values(inventory.ansible.a.groups.wbe), # error: unknown_reference
  )
}

output "host" {
  value = inventory.ansible.a.host # error: unknown_reference
}

output "bare" {
  value = inventory.ansible # error: unknown_reference
}

output "attribute" {
  value = inventory.ansible.a.hosts["web1"].adress # error: unknown_reference
}

output "missing" {
  value = inventory.ansible.a.hosts.web3.name # error: unknown_reference
}
