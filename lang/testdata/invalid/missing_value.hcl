output "a" { # error: missing_argument
}
