job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = 1
  }
}
output "x" {
  value = role.r.address # error: unknown_reference
}
