variable "nothing" {
  default = null
}
host "a" {
  address = "x"
  via     = var.nothing
  labels  = var.nothing
  vars    = var.nothing
  hop "ssh" {
    user = var.nothing
    port = var.nothing
  }
}
job "x" {
  hosts       = host.a
  tags        = null
  environment = null
  run_as      = null
  task "file" "f" {
    path        = "/f"
    content     = var.nothing
    mode        = null
    timeout     = null
    tags        = null
    environment = null
    on_failure  = null
    sensitive   = null
    notify      = null
  }
}
