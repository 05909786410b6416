locals {
  x = resource.name # error: unknown_reference
}

inventory "terraform" "a" {
  path = "x" # error: unreadable
  when = resource.typ == "y" # error: unknown_reference
}
