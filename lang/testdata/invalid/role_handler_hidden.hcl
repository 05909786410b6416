job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = 1
  }
  task "command" "b" {
    argv = ["a"]
    notify = [handler.reload] # error: unknown_reference
  }
}
