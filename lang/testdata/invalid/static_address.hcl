host "a" {
  address = job.x.task.command.y["z"].stdout # error: not_static
  hop "ssh" {}
}
