inventory "exec" "a" {
  argv = ["sh", "-c", "exit 1"] # error: program
}

inventory "exec" "b" {
  argv = ["./no-such-program"] # error: program
}
