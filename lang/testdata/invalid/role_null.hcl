job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = null # error: invalid_variable
  }
}
