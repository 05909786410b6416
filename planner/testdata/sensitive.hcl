variable "who" {
  type      = string
  sensitive = true
  default   = "postgres"
}

host "db" {
  hop "sudo" {
    user     = var.who
    password = var.who
  }
}

job "j" {
  hosts = [host.db]
  task "command" "x" { argv = ["true"] }
}
