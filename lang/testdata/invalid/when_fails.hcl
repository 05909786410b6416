# Of a task whose condition cannot be evaluated only what does not depend on it is said.
locals {
  x = { y = {} }
}
job "a" {
  hosts = host.localhost
  task "command" "same" {
    when = local.x.y.z # error: unknown_reference
    argv = [local.x.y.z]
  }
  task "command" "guarded" {
    when  = local.x.z # error: unknown_reference
    argv  = [local.x.y.q]
    chdir = "relative" # error: invalid_value
  }
  task "command" "undeclared" {
    when = var.none # error: unknown_reference
    argv = [local.x.y.z]
  }
  try {
    when = local.x.y.z # error: unknown_reference
    task "command" "tried" {
      argv = [local.x.y.z]
    }
    rescue {
      task "command" "rescued" {
        argv = [local.x.y.z]
      }
    }
    always {
      task "command" "always" {
        argv = [local.x.y.z]
      }
    }
  }
}
