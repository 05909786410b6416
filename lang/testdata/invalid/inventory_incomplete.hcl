inventory "ansible" "a" { # error: missing_argument
}

inventory "terraform" "b" { # error: missing_argument
  path = "x"
}

inventory "exec" "c" { # error: missing_argument
}
