job "web" {
  hosts = [host.localhost]
  task "ansible_module" "seport" { name = "seport" }
}
