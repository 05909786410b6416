# A condition keeps what it leaves out from being evaluated, and from being checked where that could be right elsewhere.
variable "names" {
  default = []
}
variable "mode" {
  default = ""
}
variable "cwd" {
  default = null
}
job "guarded" {
  hosts = host.localhost
  task "command" "first" {
    when = length(var.names) > 0
    argv = ["echo", var.names[0]]
  }
  task "file" "mode" {
    when         = var.mode != ""
    path         = "/etc/x"
    mode         = var.mode
    content      = file("nowhere")
    changed_when = var.names[0] == "x"
  }
  task "command" "cwd" {
    when    = var.cwd != null
    argv    = [var.cwd.path]
    timeout = var.mode
    retry {
      delay = var.mode
    }
  }
  task "command" "none" {
    for_each = var.names
    argv     = [var.names[0]]
    chdir    = var.mode
  }
  try {
    when = var.cwd != null
    task "command" "tried" {
      argv = [var.cwd.path]
    }
    rescue {
      try {
        when = failure.exit_code == 7
        task "command" "again" {
          argv = [var.cwd.path, failure.address]
        }
        rescue {
          task "command" "inner" {
            argv = [failure.error]
          }
        }
      }
    }
  }
}
