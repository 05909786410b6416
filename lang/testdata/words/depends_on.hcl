job "a" {
  hosts      = [host.localhost]
  depends_on = ["b"] # says: "depends_on" takes a list of jobs, such as [job.web], and this element is not a job. A job is named without quotes: job.NAME.
  task "command" "a" { argv = ["ls"] }
}
job "b" {
  hosts      = [host.localhost]
  depends_on = [job.a.task.command.a] # says: "depends_on" takes a list of jobs, such as [job.web], and this element is not a job. A job is named without quotes: job.NAME.
  task "command" "a" { argv = ["ls"] }
}
