output "pw" {
  value     = "hunter2"
  sensitive = true
}

output "name" {
  value = "plain"
}
