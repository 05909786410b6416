job "a" {
  hosts = host.localhost
  task "command" "a" {
    argv = ["a"]
  }
  task "command" "b" {
    argv = ["a"]
    run_as = task.command.a.stdout # error: not_static
  }
}
