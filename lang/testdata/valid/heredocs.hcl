job "x" {
  hosts = [host.localhost]
  task "shell" "a" {
    script = <<-EOT
      set -eu
      # brackets in here mean nothing: [[[ {{{ (((
      echo "$HOME" "$${not}" "${self.name}"
    EOT
  }
}
