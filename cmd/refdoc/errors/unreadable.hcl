job "web" {
  hosts = [host.localhost]

  task "file" "logo" {
    path   = "/srv/logo.png"
    source = "no-such-file.png"
  }
}
