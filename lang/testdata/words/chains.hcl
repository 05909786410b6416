chain "admin" {
  hop "ssh" { user = deploy } # says: There is nothing called "deploy" here. Text stands in double quotes: "deploy".
  hop "sudo" {}
}
host "a" {
  address = "x"
  chain   = "admin" # says: "chain" takes a chain, such as chain.NAME, but this is string. Did you mean "chain.admin"?
}
host "b" {
  address = "x"
  chain   = admin # says: There is nothing called "admin" here. Did you mean "chain.admin"?
}
host "c" {
  via = "a" # says: "via" takes a host, but this is string. Did you mean "host.a"?
  hop "docker" {}
}
host "d" {
  address = "x"
  hop "ssh" {
    key  = "~/.ssh/id" # says: There is no argument "key" in a hop of the transport "ssh". Did you mean "keys"?
    keys = "~/.ssh/id" # says: "keys" of the hop "ssh" takes list(string), but this is string.
  }
}
host "e" {
  address = "x"
  hop "ssh" {
    host_key      = false # says: "host_key" of the hop "ssh" must be "strict", "accept-new" or "ignore", not "false".
    port          = "22a" # says: "port" of the hop "ssh" takes number, but this is string.
    identity_file = "x" # says: There is no argument "identity_file" in a hop of the transport "ssh". It takes "address", "config", "connect_timeout", "host_key", "keys", "password", "port" and "user".
  }
}
