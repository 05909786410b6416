job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = 1
  }
  task "command" "b" {
    argv = [role.r] # error: unknown_reference
  }
}
