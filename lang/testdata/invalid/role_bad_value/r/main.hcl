task "file" "x" {
  path = "x" # error: invalid_value
}
