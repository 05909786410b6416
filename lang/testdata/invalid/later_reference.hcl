output "a" {
  value = inventory.ansible.x.hosts # error: not_supported
}
