runner {
  required_version = ">= 1.0, < 2.0"
  parallelism      = 64
  connect_timeout  = "15s"
  task_timeout     = "${local.minutes}m"
}

locals {
  minutes = 5
}
