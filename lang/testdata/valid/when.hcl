variable "on" {
  default = "false"
}
job "x" {
  hosts = host.localhost
  task "command" "text" {
    argv = ["a"]
    when = var.on
  }
  task "command" "facts" {
    argv    = ["a"]
    when    = self.facts.cpus > 1
    timeout = self.facts.cpus > 1 ? "1s" : "2s"
  }
  task "command" "both" {
    for_each = { a = true, b = false }
    argv     = [each.key]
    when     = each.value && self.facts.os.family == "debian"
  }
}
