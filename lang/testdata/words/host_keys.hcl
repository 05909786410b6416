host "web" {
  for_each = toset(["a", "b"])
  address  = each.value
  hop "ssh" {}
}
job "a" {
  hosts = [host.web] # says: "hosts" takes a host, or a list, set or map of hosts, but this is a map of hosts. Lists are put together with concat, and values makes a list of a map: concat(values(host.a), [host.b]).
  task "command" "a" { argv = [host.web.address] } # says: host.web is many hosts: say which, as in host.web["KEY"].address.
}
job "b" {
  hosts = [host.web.a]
  task "command" "a" { argv = [host.web[0].address, host.web["c"].address] } # says: There is no "0" here. There are "a" and "b". # says: host.web has no "c". There are "a" and "b".
}
