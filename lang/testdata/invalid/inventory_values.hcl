variable "secret" {
  sensitive = true
  default   = "x"
}

inventory "ansible" "a" {
  path = var.secret # error: sensitive
}

inventory "ansible" "b" {
  path           = ["x"] # error: wrong_type
  vault_password = { a = 1 } # error: wrong_type
}

inventory "exec" "c" {
  argv    = [] # error: invalid_value
  timeout = "soon" # error: invalid_value
}

inventory "ssh_config" "d" {
  path = null # error: missing_argument
}
