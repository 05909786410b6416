job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = 0 # error: invalid_variable
  }
}
