job "a" {
  hosts = host.localhost
  precondition {
    condition     = [] # error: wrong_type
    error_message = "no"
  }
}
