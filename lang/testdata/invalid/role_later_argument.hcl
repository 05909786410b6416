job "a" {
  hosts = host.localhost
  role "r" {
    source = "../roles/web"
    port   = task.command.b.exit_code # error: later_reference
  }
  task "command" "b" {
    argv = ["a"]
  }
}
