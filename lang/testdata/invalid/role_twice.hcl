job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = 1
  }
  role "r" { # error: duplicate_name
    source = "../roles/web"
    port   = 1
  }
}
