output "a" {
  value = inventory.ansible.x.hosts # error: unknown_reference
}
