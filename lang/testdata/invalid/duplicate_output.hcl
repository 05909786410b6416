output "a" {
  value = 1
}
output "a" { # error: duplicate_name
  value = 1
}
