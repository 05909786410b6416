host "plain" {
  address = "plain.example.net"
  labels  = { tier = "web", n = 1 }
  vars    = { port = 8080, list = ["a", { b = null }] }
  hop "ssh" {
    connect_timeout = "3s"
    keys            = ["~/.ssh/id"]
    config          = false
  }
}

host "map" {
  for_each = { b = "192.0.2.2", a = "192.0.2.1", "we\"ird ${"$"}{x}" = "192.0.2.3" }
  address  = each.value
  labels   = { key = each.key }
  hop "ssh" {
    user = each.key == "a" ? "first" : null
  }
}

host "set" {
  for_each = toset(["z", "y"])
  via      = host.map[each.key == "z" ? "a" : "b"]
  hop "docker" {
    container = each.value
  }
}

host "list" {
  count = 2
  hop "ssh" {
    address = "n${count.index}.example.net"
  }
}

host "none" {
  for_each = {}
  hop "local" {}
}

host "behind" {
  address = "inner"
  via     = host.list[1]
  hop "ssh" {}
}

host "two" {
  address = "second"
  hop "ssh" {
    address = "first"
  }
  hop "ssh" {}
}

job "all" {
  hosts = concat([host.plain], values(host.map), values(host.set), host.list, values(host.none), [host.behind])
}

job "map" {
  hosts = host.map
}

job "filtered" {
  hosts = [for name, h in host.map : h if h.labels.key != "b" && h.name != "x"]
}

job "one" {
  hosts = host.localhost
}

job "set" {
  hosts = toset(values(host.map))
}

job "by_condition" {
  hosts = host.plain.vars.port > 80 ? [host.plain] : []
}

job "merged" {
  hosts = merge(host.map, { x = host.plain })
}

job "flattened" {
  hosts = flatten([values(host.map), host.plain, [[host.list[0]]]])
}
