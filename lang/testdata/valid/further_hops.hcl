host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  run_as = "app"
  task "command" "x" {
    argv = ["x"]
  }
  task "command" "y" {
    argv = ["y"]
    hop "docker" {
      container = "c-${self.name}"
    }
  }
}
