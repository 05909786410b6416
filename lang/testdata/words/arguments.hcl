# Values that do not fit their arguments.
job "ra" {
  hosts = [host.localhost]
  rollout {
    batches      = [] # says: "batches" takes a list of numbers of hosts and percentages, such as [1, "25%", "100%"], but this is an empty list.
    max_failures = "x" # says: "max_failures" takes a number of hosts from 0, or a part of them from "0%" to "100%", but this is "x".
    pause        = "1" # says: "pause" of a rollout takes a duration such as "30s" or "1m30s", and "1" is none. Did you mean "1s"?
  }
  task "command" "a" { argv = ["a"] }
}
job "rb" {
  hosts = [host.localhost]
  rollout {
    batches      = {} # says: "batches" takes a list of numbers of hosts and percentages, such as [1, "25%", "100%"], but this is object.
    max_failures = [] # says: "max_failures" takes a number of hosts from 0, or a part of them from "0%" to "100%", but this is list.
  }
  task "command" "a" { argv = ["a"] }
}
job "rc" {
  hosts = [host.localhost]
  rollout {
    batches = [[]] # says: "batches" takes a number of hosts from 1, or a part of them from "1%" to "100%", but this is list.
  }
  task "command" "a" { argv = ["a"] }
}
job "rd" {
  hosts = [host.localhost]
  rollout {
    batches = "1" # says: "batches" takes a list of numbers of hosts and percentages, such as [1, "25%", "100%"], but this is string.
  }
  task "command" "a" { argv = ["a"] }
}

job "a" {
  hosts       = "localhost" # says: "hosts" takes a host, or a list, set or map of hosts, but this is string. Did you mean "host.localhost"?
  tags        = "a" # says: "tags" takes a set of strings, but this is string.
  strategy    = ["free"] # says: "strategy" of a job takes string, but this is list(string).
  depends_on  = job.b # says: "depends_on" takes a list of jobs, such as [job.web].
  environment = ["a"] # says: "environment" of a job takes map(string), but this is list(string).
  when        = "x" # says: "when" takes true or false, but this is string.
  run_as      = [] # says: "user" of the hop "sudo" takes string, but this is list.
  vars        = [] # says: "vars" of a job takes an object, but this is list.
  task "command" "a" { argv = "ls -l" } # says: "argv" of the action "command" takes list(string), but this is string.
  task "command" "b" {
    argv       = ["ls", ["-l"]] # says: "argv" of the action "command" takes list(string), but [1] in it is list(string), not string.
    tags       = { a = 1 } # says: "tags" takes a set of strings, but this is object({a = number}).
    on_failure = [] # says: "on_failure" of a task takes string, but this is list.
    for_each   = "x" # says: "for_each" takes a map, a list or a set of strings, but this is string.
  }
  task "command" "c" {
    argv        = ["ls"]
    for_each    = [{ a = 1 }]
    environment = { A = ["x"] } # says: "environment" of a task takes map(string), but "A" in it is list(string), not string.
    timeout     = 5 # says: "timeout" of a task takes a duration such as "30s" or "1m30s", and "5" is none. Did you mean "5s"?
    retry {
      attempts = "many" # says: "attempts" of a task takes number, but this is string.
      delay    = 1 # says: "delay" of a task takes a duration such as "30s" or "1m30s", and "1" is none. Did you mean "1s"?
    }
  }
  task "file" "d" {
    path      = ["/a"] # says: "path" of the action "file" takes the path of a file on the target, a string, but this is list(string).
    content   = { a = 1 } # says: "content" of the action "file" takes string, but this is object({a = number}).
    mode      = 644
    timeout   = [] # says: "timeout" of a task takes a duration such as "30s", but this is list.
    sensitive = "yes" # says: "sensitive" of a task takes bool, but this is string.
    run_once  = [] # says: "run_once" of a task takes bool, but this is list.
    lane      = [] # says: "lane" of a task takes string, but this is list.
  }
}
job "b" {
  hosts = {}
  task "command" "c" { argv = {} } # says: "argv" of the action "command" takes list(string), but this is object.
}
host "x" {
  address = [] # says: "address" of a host takes string, but this is list.
  labels  = ["a"] # says: "labels" of a host takes map(string), but this is list(string).
  vars    = "x" # says: "vars" of a host takes an object, but this is string.
  hop "ssh" {
    port = "ssh"
    keys = "~/.ssh/id"
    user = {}
  }
}
host "y" {
  for_each = "a" # says: "for_each" of a host takes a map or a set of strings, but this is string.
  hop "local" {}
}
host "z" {
  for_each = ["a"] # says: "for_each" of a host takes a map or a set of strings, but this is list(string). Write toset(…) around it.
  hop "local" {}
}
host "zz" {
  count = "a" # says: "count" of a host takes a whole number, but this is string.
  hop "local" {}
}
host "zzz" {
  labels = { a = ["b"] } # says: "labels" of a host takes map(string), but "a" in it is list(string), not string.
  hop "local" {}
}
runner {
  parallelism     = "x" # says: "parallelism" takes a whole number, but this is string.
  connect_timeout = 3 # says: "connect_timeout" of the runner block takes a duration such as "30s" or "1m30s", and "3" is none. Did you mean "3s"?
}
