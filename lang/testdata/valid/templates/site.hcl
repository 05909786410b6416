job "x" {
  hosts = host.localhost

  task "file" "known" {
    path    = "/known"
    content = templatefile("sub/known.tftpl", { names = ["a", "b"], host = self.name })
  }

  task "file" "unknown" {
    path    = "/unknown"
    content = templatefile("${path.module}/sub/known.tftpl", { names = [self.facts.arch], host = self.name })
  }

  task "file" "file" {
    path    = "/file"
    content = file("sub/plain.txt")
  }

  task "file" "source" {
    path   = "/source"
    source = "sub/plain.txt"
  }
}
