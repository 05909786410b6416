inventory "exec" "a" {
  argv  = ["echo", "{}"]
  paths = "x" # error: unknown_argument
}
