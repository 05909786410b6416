host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  role "r" {
    source = "../roles/web"
    port   = 1
  }
  task "file" "f" {
    path   = "/f"
    notify = [handler.reload]
  }
  handler "command" "reload" {
    argv = ["own"]
  }
}
