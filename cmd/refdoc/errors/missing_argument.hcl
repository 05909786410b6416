job "web" {
  hosts = [host.localhost]
  task "command" "uptime" { changes = false }
}
