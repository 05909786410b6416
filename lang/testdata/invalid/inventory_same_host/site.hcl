host "db" {
  address = "db.example.net"
  hop "ssh" {}
}

inventory "ansible" "a" { # error: duplicate_name
  path = "hosts"
}

inventory "ansible" "b" { # error: duplicate_name
  path = "more"
}
