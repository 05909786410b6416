host "web" {
  address = "web.example.net"
  user    = "root" # says: There is no argument "user" in a host. How a host is reached stands in its hops, such as hop "ssh" { user = "deploy" }.
  port    = 22 # says: There is no argument "port" in a host. How a host is reached stands in its hops, such as hop "ssh" { user = "deploy" }.
  hop "ssh" {}
}
job "a" {
  hosts = ["web"] # says: "hosts" takes a host, or a list, set or map of hosts, but this is string. Did you mean "host.web"?
  task "command" "a" { argv = ["ls"] }
}
job "b" {
  hosts = web # says: There is nothing called "web" here. Did you mean "host.web"?
  task "command" "a" { argv = ["ls"] }
}
job "c" {
  hosts = "web*" # says: "hosts" takes a host, or a list, set or map of hosts, but this is string.
  task "command" "a" { argv = ["ls"] }
}
job "d" {
  hosts = all # says: There is nothing called "all" here. Text stands in double quotes: "all".
  task "command" "a" { argv = ["ls"] }
}
job "e" {
  hosts = host # says: "host" alone stands for nothing: the name of a host must follow, as in host.NAME.
  task "command" "a" { argv = ["ls"] }
}
job "f" {
  hosts = host.* # says: "host" alone stands for nothing: the name of a host must follow, as in host.NAME.
  task "command" "a" { argv = ["ls"] }
}
