job "a" {
  hosts = [host.localhost]
  task "command" "a" {
    argv         = ["ls"]
    changed_when = false
    failed_when  = stdout == "" # says: There is nothing called "stdout" here. Did you mean "result.stdout"?
  }
  task "command" "b" {
    argv = ["ls", task.a.stdout, task.command.a.result.stdout, task.command["a"].stdout] # says: The job "a" has no task "a.stdout". Did you mean "task.command.a"? # says: A result of the action "command" has no attribute "result". There are "stdout", "stderr", "exit_code", "changed", "failed", "skipped" and "duration".
  }
  task "command" "c" {
    argv = ["ls", command.a.stdout] # says: There is nothing called "command" here.
  }
  task "command" "d" {
    for_each = toset(["x"])
    argv     = ["ls", task.command.d["x"].stdout] # says: A task's own result is not known before it has run.
  }
  task "command" "e" {
    argv = ["ls", task.command.d.stdout] # says: The task has for_each, so there are many results: say which, as in task.command.d["KEY"].stdout.
  }
}
