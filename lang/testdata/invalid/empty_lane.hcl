job "a" {
  hosts = host.localhost
  task "shell" "b" {
    script = "x"
    lane   = "" # error: invalid_value
  }
  task "shell" "c" {
    script = "x"
    lane   = null
  }
}
