variable "proxy" {
  default = null
}
job "x" {
  hosts       = host.localhost
  environment = { HTTP_PROXY = var.proxy, LANG = "C", N = 1 }
  task "command" "a" {
    argv        = ["env"]
    environment = self.name == "localhost" ? { LANG = "de_DE.UTF-8" } : {}
  }
  task "command" "unknown" {
    argv        = ["env"]
    environment = { ARCH = self.facts.arch }
  }
  task "command" "none" {
    argv = ["env"]
  }
}
