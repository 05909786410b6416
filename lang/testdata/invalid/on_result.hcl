job "a" {
  hosts = host.localhost
  task "command" "c" {
    argv = ["a"]
  }
  task "command" "b" {
    argv = ["a"]
    on = task.command.c.stdout == "" ? host.localhost : host.localhost # error: not_static
  }
}
