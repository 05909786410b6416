host "lb" {
  hop "local" {}
}

host "web" {
  for_each = toset(["a", "b"])
  address  = "${each.key}.example.net"
  hop "ssh" {}
}

locals {
  addresses = [for h in host.web : h.address]
  cpus      = sum([for h in host.web : h.facts.cpus])
  a         = host.web["a"]
}

job "x" {
  hosts = host.lb

  task "shell" "own" {
    script = self.facts.arch
  }

  task "shell" "whole_self" {
    script = jsonencode(self)
  }

  task "shell" "parts_of_self" {
    script = jsonencode([self.name, self.labels, self.vars, self.groups, self.address])
  }

  task "shell" "nobody" {
    script = join(" ", [for k, h in host.web : "${k} ${h.address} ${h.name}"])
  }

  task "shell" "nobody_by_local" {
    script = join(" ", local.addresses)
  }

  task "shell" "nobody_by_functions" {
    script = join(" ", [for h in concat(values(host.web), [host.lb]) : coalesce(h.address, h.name)])
  }

  task "shell" "nobody_by_splat" {
    script = join(" ", values(host.web)[*].address)
  }

  task "shell" "everybody" {
    script = join(" ", [for h in host.web : h.facts.hostname])
  }

  task "shell" "everybody_by_local" {
    script = "${local.cpus}"
  }

  task "shell" "everybody_whole" {
    script = jsonencode(host.web)
  }

  task "shell" "one" {
    script = host.web["a"].facts.hostname
  }

  task "shell" "one_by_local" {
    script = local.a.facts.hostname
  }

  task "shell" "computed_key" {
    script = host.web[self.name == "lb" ? "a" : "b"].facts.hostname
  }

  task "shell" "each" {
    for_each = host.web
    script   = each.value.address
  }

  task "shell" "each_facts" {
    for_each = host.web
    script   = each.value.facts.hostname
  }

  task "shell" "secret" {
    script = self.facts.env["HOME"]
  }

  task "shell" "run" {
    script = run.id
  }
}
