inventory "ansible" "a" { # error: missing_argument
}

inventory "terraform" "b" { # error: missing_argument
  when = true
}

inventory "exec" "c" { # error: missing_argument
}
