job "a" {
  hosts      = []
  depends_on = [job.a] # error: cycle
}
