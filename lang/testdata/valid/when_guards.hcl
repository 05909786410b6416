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
variable "typed" {
  type = object({
    list = list(string)
    mode = string
    time = optional(string)
  })
  default = { list = [], mode = "" }
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
  task "file" "typed" {
    when    = length(var.typed.list) > 0
    path    = var.typed.list[0]
    mode    = var.typed.mode
    content = var.typed.time + 1 > 0 ? var.typed.time : var.typed.list[2]
    timeout = var.typed.time
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
