job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = 1
  }
  task "command" "b" {
    argv = ["a"]
    when = task.file.conf.changed # error: unknown_reference
  }
}
