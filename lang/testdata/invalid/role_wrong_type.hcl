job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = "many" # error: wrong_type
  }
}
