runner {
  required_version = ">= 1.0, < 2"
  parallelism      = 8
  connect_timeout  = "3s"
  task_timeout     = "1m"
}
host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "command" "x" {
    argv = ["x"]
  }
}
