job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = 1
    prt    = 2 # error: unknown_argument
  }
}
