job "a" {
  hosts      = []
  depends_on = [job.b] # error: unknown_reference
}
