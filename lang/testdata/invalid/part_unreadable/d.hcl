output "x" { # error: syntax
  value = {
}
