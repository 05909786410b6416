job "web" {
  hosts = [host.localhost]
  taks "file" "a" { path = "/a" } # says: There is no block "taks" in a job. Did you mean "task"?
}
