# Two hosts on one machine share what leads there, and what a task and a handler need beyond.
host "front" {
  address = "one.example.net"
  hop "ssh" { user = "deploy" }
}

host "back" {
  address = "one.example.net"
  hop "ssh" { user = "deploy" }
}

host "other" {
  address = "two.example.net"
  hop "ssh" { user = "deploy" }
}

job "site" {
  hosts = [host.front, host.back, host.other]
  task "command" "migrate" {
    argv   = ["psql", "-c", "select 1"]
    run_as = "postgres"
  }
}
