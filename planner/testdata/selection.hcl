host "web" {
  for_each = toset(["a", "b"])
  address  = "${each.key}.example.net"
  labels   = { tier = "web" }
  hop "ssh" { user = "deploy" }
}

host "app" {
  via    = host.web["a"]
  labels = { tier = "app" }
  hop "docker" { container = "app" }
}

job "first" {
  hosts = values(host.web)
  tags  = ["job"]
  task "command" "one" {
    argv = ["true"]
    tags = ["x"]
  }
  task "command" "two" { argv = ["true"] }
  task "command" "three" {
    argv = ["echo", task.command.two.stdout]
    tags = ["x"]
  }
}

job "second" {
  hosts      = [host.app]
  depends_on = [job.first]
  task "command" "all" { argv = ["true"] }
}
