host "a" {
  address = "-oProxyCommand=x" # error: invalid_value
  hop "ssh" {}
}

host "b" {
  address = "a b" # error: invalid_value
  hop "ssh" {}
}

host "c" {
  for_each = { x = "fine", y = "x;y" }
  address  = each.value # error: invalid_value
  hop "ssh" {}
}
