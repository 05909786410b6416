job "web" {
  hosts = [host.localhost]
  task "command" "a" { argv = ["ls"] }
  task "command" "b" {
    argv       = ["ls"]
    depends_on = [task.command.a] # says: There is no argument "depends_on" in a task of the action "command". Beside what every task takes it has "argv", "changes", "chdir", "creates" and "ok_exit_codes".
    count      = 2 # says: There is no argument "count" in a task of the action "command". Beside what every task takes it has "argv", "changes", "chdir", "creates" and "ok_exit_codes".
    provisioner "local-exec" {} # says: There is no block "provisioner" in a task of the action "command". The blocks that it takes are "hop" and "retry".
    lifecycle { ignore_changes = all } # says: There is no block "lifecycle" in a task of the action "command". The blocks that it takes are "hop" and "retry".
  }
}
