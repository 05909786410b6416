job "a" {
  hosts = host.localhost
  task "file" "a" {
    path    = "/a"
    content = "x"
    source  = "check_of_action.hcl" # error: invalid_value
  }
}
