host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  try {
  task "command" "x" {
      argv = ["x"]
    }
    rescue {
      role "r" {
        source = "../roles/web"
        port   = 3
        owner  = failure.stderr
      }
    }
  }
}
