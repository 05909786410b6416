host "web" {
  for_each = toset(["web1", "web2"])
  address  = "a"
  hop "ssh" {}
}
job "a" {
  hosts = [host.web["wbe1"]] # says: host.web has no "wbe1". Did you mean "web1"?
  task "command" "a" { argv = ["a"] }
}
output "b" { value = host.web["wbe1"].name } # says: host.web has no "wbe1". Did you mean "web1"?
output "c" { value = host.web.wbe1.name } # says: host.web has no "wbe1". Did you mean "web1"?
