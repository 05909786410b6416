host "web" {
  for_each = ["a", "b"] # says: "for_each" of a host takes a map or a set of strings, but this is list(string). Write toset(…) around it.
  address  = each.value
  hop "ssh" {}
}
host "db" {
  count   = 2
  address = "db${count.indx}" # says: "count" has only index. Did you mean "index"?
  hop "ssh" {}
}
job "a" {
  hosts = [host.db[2]]
  task "command" "a" { argv = ["ls"] }
}
job "b" {
  hosts = host.db.name # says: host.db is many hosts: say which, as in host.db[0].name.
  task "command" "a" { argv = ["ls"] }
}
