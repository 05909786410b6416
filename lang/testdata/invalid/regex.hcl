variable "secret" {
  type      = string
  sensitive = true
  default   = "("
}

job "a" {
  hosts = host.localhost
  task "line" "open" {
    path  = "/a"
    regex = "^(a" # error: invalid_value
  }
  task "line" "behind" {
    path  = "/a"
    regex = "(?<=a)b" # error: invalid_value
  }
  task "line" "secret" {
    path  = "/a"
    regex = var.secret # error: invalid_value
  }
  task "line" "number" {
    path  = "/a"
    regex = ["a"] # error: wrong_type
  }
  task "line" "late" {
    path  = "/a"
    regex = task.line.open.path
  }
}
