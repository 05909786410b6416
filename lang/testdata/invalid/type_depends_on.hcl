job "a" {
  hosts      = []
  depends_on = job.b # error: wrong_type
}
job "b" {
  hosts = []
}
