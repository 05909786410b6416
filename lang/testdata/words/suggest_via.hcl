host "web" {
  for_each = toset(["web1", "web2"])
  address  = "a"
  hop "ssh" {}
}
host "app" {
  via = host.web["wbe1"] # says: host.web has no "wbe1". Did you mean "web1"?
  hop "sudo" {}
}
job "a" {
  hosts = [host.app]
  task "command" "a" {
    argv = ["a"]
    on   = host.web["wbe1"] # says: host.web has no "wbe1". Did you mean "web1"?
  }
}
