variable "v" {
  type      = string
  sensitive = true
  default   = "continue"
}
job "a" {
  hosts = host.localhost
  task "shell" "b" {
    script     = "x"
    on_failure = var.v # error: sensitive
    sensitive  = sensitive(true) # error: sensitive
  }
  task "shell" "c" {
    script = "x"
    run_as = var.v # error: sensitive
  }
  task "shell" "d" {
    script = "x"
    on     = sensitive(host.localhost) # error: sensitive
  }
}
