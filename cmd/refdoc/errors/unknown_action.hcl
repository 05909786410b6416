job "web" {
  hosts = [host.localhost]
  task "comand" "uptime" { argv = ["uptime"] }
}
