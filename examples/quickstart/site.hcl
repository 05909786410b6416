# A small web site, on this machine, below a directory of its own.
#
#   runner plan  examples/quickstart      what would change
#   runner apply examples/quickstart      change it; a second time nothing is left to do

variable "root" {
  type        = string
  description = "The directory that everything goes into. It is made if it is not there."
  default     = "/tmp/runner-quickstart"

  validation {
    condition     = startswith(var.root, "/")
    error_message = "root must be an absolute path."
  }
}

variable "release" {
  type        = string
  description = "The release to switch to."
  default     = "1.4.2"

  validation {
    condition     = can(regex("^\\d+\\.\\d+\\.\\d+$", var.release))
    error_message = "release must be three numbers, such as 1.4.2."
  }
}

locals {
  release = "${var.root}/releases/${var.release}"

  pages = {
    index   = "Welcome"
    about   = "About us"
    contact = "Write to us"
  }
}

job "site" {
  hosts = [host.localhost]

  task "directory" "release" {
    path = local.release # its parents are made too
  }

  # One file for each page. What a template gets is listed here; nothing else reaches it.
  task "file" "page" {
    for_each = local.pages
    path     = "${local.release}/${each.key}.html"
    content = templatefile("page.html.tftpl", {
      title   = each.value
      pages   = local.pages
      release = var.release
      system  = self.facts.os.name
    })
    notify = [handler.sitemap]
  }

  # The switch to a release is one step: nobody sees half of it.
  task "symlink" "current" {
    path   = "${var.root}/current"
    target = "releases/${var.release}"
  }

  # A command knows no state, so it says itself when there is nothing to do.
  task "shell" "secret" {
    chdir   = var.root
    creates = "secret"
    script  = <<-EOT
      set -eu
      umask 077
      head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' > secret
    EOT
  }

  # A command that promises to change nothing is run by a plan too, where no task before it has something to do.
  task "command" "count" {
    argv    = ["/bin/sh", "-c", "ls *.html | wc -l | tr -d ' '"]
    chdir   = local.release
    changes = false
  }

  # Runs once, at the end, if a page has changed.
  handler "shell" "sitemap" {
    chdir  = local.release
    script = "ls *.html > sitemap.txt"
  }
}

output "current" {
  value = "${var.root}/current"
}

output "pages" {
  value = { for host, result in job.site.task.command.count : host => tonumber(result.stdout) }
}
