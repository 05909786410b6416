job "web" {
  hosts        = [host.localhost]
  become       = true # says: There is no argument "become" in a job. Did you mean "run_as"?
  gather_facts = true # says: There is no argument "gather_facts" in a job. It takes "hosts", "depends_on", "when", "run_as", "environment", "tags", "vars" and "strategy".
  serial       = 1 # says: There is no argument "serial" in a job. Did you mean "rollout"?
  task "copy" "x" { # says: There is no action "copy". Did you mean "file"?
    src      = "a"
    dest     = "/b"
    register = "x"
  }
  task "template" "y" { # says: There is no action "template". Did you mean "file"?
    src  = "a"
    dest = "/b"
  }
  task "apt" "z" { name = "nginx" } # says: There is no action "apt". Did you mean "package"?
  task "command" "c" { # says: The action "command" needs the argument "argv".
    cmd           = "ls" # says: There is no argument "cmd" in a task of the action "command". Did you mean "argv"?
    ignore_errors = true # says: There is no argument "ignore_errors" in a task of the action "command". Did you mean "on_failure"?
    with_items    = ["a"] # says: There is no argument "with_items" in a task of the action "command". Did you mean "for_each"?
    delegate_to   = host.localhost # says: There is no argument "delegate_to" in a task of the action "command". Did you mean "on"?
    no_log        = true # says: There is no argument "no_log" in a task of the action "command". Did you mean "sensitive"?
  }
  task "shell" "d" { # says: The action "shell" needs the argument "script".
    cmd     = "ls" # says: There is no argument "cmd" in a task of the action "shell". Did you mean "script"?
    loop    = ["a"] # says: There is no argument "loop" in a task of the action "shell". Did you mean "for_each"?
    until   = result.exit_code == 0 # says: There is no argument "until" in a task of the action "shell". Did you mean "retry"?
    retries = 3 # says: There is no argument "retries" in a task of the action "shell". Did you mean "retry"?
  }
  block { # says: There is no block "block" in a job. Did you mean "try"?
    task "command" "e" { argv = ["ls"] }
  }
}
