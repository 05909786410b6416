job "a" {
  hosts = "web" # error: wrong_type
}
