job "a" {
  hosts = host.localhost
  task "file" "a" {
    path    = "/a"
    content = templatefile("nothing.tftpl", { a = self.facts.arch }) # error: evaluate
  }
}
