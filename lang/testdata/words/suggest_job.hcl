job "web" {
  hosts = [host.localhost]
  task "command" "v" { argv = ["a"] }
}
job "b" {
  hosts      = [host.localhost]
  depends_on = [job.wbe] # says: The site declares no job "wbe". Did you mean "web"?
  task "command" "v" { argv = ["a"] }
}
output "a" { value = job.wbe.task.command.v } # says: The site declares no job "wbe". Did you mean "web"?
output "b" { value = job.web.task.comand.v } # says: The job "web" has no task "comand.v". Did you mean "command.v"?
output "c" { value = job.web.task.command.w } # says: The job "web" has no task "command.w". Did you mean "command.v"?
output "d" { value = job.web.tsk.command.w } # says: Of another job only results can be read: job.web.task.ACTION.NAME.
