host "web" {
  address = "a"
  hop "ssh" {}
}
job "a" {
  hosts = [host.wbe] # says: The site declares no host "wbe". Did you mean "web"?
  task "command" "a" { argv = ["a"] }
}
