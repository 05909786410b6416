inventory "exec" "cloud" {
  argv = ["sh", "-c", "echo 'no credentials' >&2; exit 1"]
}
