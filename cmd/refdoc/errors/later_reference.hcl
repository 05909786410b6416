job "web" {
  hosts = [host.localhost]

  task "file" "kernel" {
    path    = "/srv/kernel"
    content = task.command.uname.stdout
  }

  task "command" "uname" {
    argv    = ["uname", "-r"]
    changes = false
  }
}
