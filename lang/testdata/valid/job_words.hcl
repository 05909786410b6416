host "h" {
  for_each = { a = 1, b = 2 }
  vars     = { weight = each.value }
  hop "local" {}
}

job "first" {
  hosts = host.h
  task "command" "x" {
    argv = ["x"]
  }
}

job "a" {
  hosts    = host.h
  strategy = "lockstep"
  tags     = ["all"]
  locals {
    port  = 8000 + local.extra
    extra = self.vars.weight
    said  = task.command.said.stdout
    first = job.first.task.command.x[self.name].stdout
  }
  rollout {
    batches      = [1, "25%", "100%"]
    max_failures = "10%"
    pause        = "1s"
  }
  precondition {
    condition     = local.port > 8000
    error_message = "too low"
  }
  precondition {
    condition     = self.facts.cpus > 0
    error_message = "no CPU on ${self.name}"
  }
  task "command" "said" {
    argv     = ["serve", tostring(local.port)]
    run_once = true
    lane     = "lane-${self.name}"
    retry {
      attempts = 5
      delay    = "2s"
      backoff  = 1.5
      until    = result.stdout == "ready" && self.name != ""
    }
    changed_when = result.exit_code == 2
    failed_when  = contains([3, 4], result.exit_code) || result.stderr == local.port
  }
  task "command" "after" {
    argv = [local.said, local.first]
    on   = host.h["b"]
  }
  task "command" "elsewhere" {
    for_each = { x = "1", y = "2" }
    argv     = ["notify", each.value]
    retry {
      delay = "0s"
    }
    on       = self.name == "h[\"a\"]" ? host.localhost : null
    run_as   = "u${local.port}"
    changed_when = each.key == "x"
  }
  task "flush" "now" {
    when = task.command.said.changed
  }
}
