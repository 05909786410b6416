job "web" {
  hosts = [host.localhost]
  task "command" "version" { argv = ["a"] }
  task "command" "b" {
    argv = ["a"]
    when = task.command.verson.changed && task.comand.version.changed # says: The job "web" has no task "command.verson". Did you mean "command.version"? # says: The job "web" has no task "comand.version". Did you mean "command.version"?
  }
  task "command" "c" {
    argv = ["a"]
    when = task.command.version.chnged # says: A result of the action "command" has no attribute "chnged". Did you mean "changed"?
  }
  task "command" "d" {
    argv = ["a", task.command.version.stdot] # says: A result of the action "command" has no attribute "stdot". Did you mean "stdout"?
  }
}
