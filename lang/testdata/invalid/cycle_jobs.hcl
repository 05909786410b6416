job "a" {
  hosts      = []
  depends_on = [job.b]
}
job "b" {
  hosts      = []
  depends_on = [job.a] # error: cycle
}
