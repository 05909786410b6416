job "a" {
  hosts = []
}
output "o" {
  value = job.a # error: unknown_reference
}
