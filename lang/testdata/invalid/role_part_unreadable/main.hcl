job "a" {
  hosts = host.localhost
  role "r" {
    source = "./r"
    given  = 5
  }
  task "command" "c" {
    argv = [role.r.output, host.none.name] # error: unknown_reference
  }
  task "command" "d" {
    argv = [role.r.known]
    mode = 5 # error: unknown_argument
  }
}
