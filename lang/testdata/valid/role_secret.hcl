job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/secret"
  }
  task "command" "hidden" {
    argv = ["echo", role.r.pw]
  }
  task "command" "shown" {
    argv = ["echo", role.r.name]
  }
}
