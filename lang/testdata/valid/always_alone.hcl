host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  try {
    task "command" "x" {
      argv = ["x"]
    }
    always {
      task "command" "y" {
        argv = ["y"]
        when = task.command.x.failed
      }
    }
  }
}
