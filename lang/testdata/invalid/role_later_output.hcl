job "a" {
  hosts = host.localhost
  task "command" "b" {
    argv = [role.r.address] # error: later_reference
  }
  role "r" {
    source = "../roles/web"
    port   = 1
  }
}
