chain "a" {
}
chain "a" { # error: duplicate_name
}
