inventory "ansibel" "a" { # error: unknown_inventory
  path = "hosts"
}
