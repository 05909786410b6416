inventory "exec" "a" {
  argv = ["echo", local.x]
}

locals {
  x = jsonencode(inventory.exec.a.groups) # error: cycle
}
