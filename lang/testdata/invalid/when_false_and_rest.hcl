# What no condition can make right is an error where a condition is false too.
variable "no" {
  default = false
}
variable "port" {
  type    = number
  default = 80
}
variable "object" {
  type    = object({ path = string })
  default = null
}
variable "list" {
  default = []
}
job "task" {
  hosts = host.localhost
  task "command" "c" {
    when         = false
    argv         = 7       # error: wrong_type
    timeout      = "never"  # error: invalid_value
    failed_when  = []      # error: wrong_type
    environment  = 3       # error: wrong_type
  }
  task "file" "f" {
    when = length(var.list) > 0
    path = var.list[0]
    mode = "rwx" # error: invalid_value
  }
  task "file" "each" {
    for_each = toset(["a", "b"])
    when     = each.key == "b"
    path     = "/${each.key}"
    mode     = each.key == "b" ? "x" : "0600" # error: invalid_value
    state    = "gone"                         # error: invalid_value
  }
  task "file" "typed" {
    when    = var.object != null
    path    = var.object.path
    mode    = var.object.mode    # error: unknown_reference
    content = ["a", var.port]    # error: wrong_type
  }
  task "command" "port" {
    when    = false
    argv    = var.port    # error: wrong_type
    chdir   = "${var.port}"
    timeout = var.object.path
  }
  try {
    when = var.no
    task "command" "tried" {
      argv = 7 # error: wrong_type
    }
    rescue {
      task "command" "rescued" {
        when = 1 # error: wrong_type
        argv = [failure.address]
      }
    }
  }
}
job "job" {
  hosts = host.localhost
  when  = var.no
  task "command" "c" {
    argv = 7 # error: wrong_type
  }
}
