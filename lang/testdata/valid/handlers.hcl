job "x" {
  hosts = host.localhost
  task "file" "a" {
    path   = "/a"
    notify = [handler.three, handler.one]
  }
  task "file" "b" {
    for_each = { x = true, y = false }
    path     = "/b-${each.key}"
    notify   = each.value ? [handler.two] : []
  }
  handler "command" "one" {
    argv = ["1"]
  }
  handler "shell" "two" {
    script = task.file.a.path
    notify = [handler.three]
  }
  handler "command" "three" {
    argv   = ["3"]
    tags   = ["t"]
    run_as = "www"
  }
}
