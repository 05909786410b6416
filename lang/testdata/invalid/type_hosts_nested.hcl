host "w" {
  for_each = toset(["x"])
  hop "local" {}
}
job "a" {
  hosts = [
    host.localhost,
    host.w, # error: wrong_type
  ]
}
