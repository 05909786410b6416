job "x" {
  hosts = host.localhost

  task "command" "list" {
    argv = ["ls"]
  }

  task "file" "each" {
    for_each = toset(split("\n", task.command.list.stdout))
    path     = "/x/${each.key}"
    mode     = "0600"
  }

  task "shell" "after" {
    script = join(" ", keys(task.file.each))
  }

  task "shell" "size" {
    for_each = { for k, r in task.file.each : k => r.size }
    script   = "${each.value}"
    when     = each.value > 3
  }
}
