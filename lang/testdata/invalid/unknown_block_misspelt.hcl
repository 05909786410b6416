varable "a" { # error: unknown_block
  type = string
}
