host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "command" "x" {
    argv = ["x"]
    changes = false
    timeout = "5s"
    retry {
      attempts = 9
      delay    = "0s"
      until    = contains(["up", self.name], result.stdout)
    }
  }
}
