job "web" {
  hosts = [host.localhost]
  task "command" "c" {
    argv      = ["ls"]
    changes   = no # says: There is nothing called "no" here. Did you mean "false"?
    sensitive = yes # says: There is nothing called "yes" here. Did you mean "true"?
  }
  task "file" "f" {
    path    = "/a"
    content = None # says: There is nothing called "None" here. Did you mean "null"?
    mode    = 0644
  }
  task "file" "g" {
    path    = "/a"
    content = nil # says: There is nothing called "nil" here. Did you mean "null"?
    mode    = "u=rw" # says: "mode" of the action "file" takes a mode of three or four octal digits such as "0640", and "u=rw" is none.
  }
  task "file" "h" {
    path    = "/a"
    content = True # says: There is nothing called "True" here. Did you mean "true"?
    state   = "link" # says: "state" of the action "file" must be "present" or "absent", not "link".
  }
}
