variable "s" {
  default   = "x"
  sensitive = true
}
job "a" {
  hosts = host.localhost
  task "command" "x" {
    argv = ["a", var.s]
  }
}
output "o" {
  value = job.a.task.command.x["localhost"].stdout # error: sensitive
}
