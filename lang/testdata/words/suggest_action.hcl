job "web" {
  hosts = [host.localhost]
  task "fil" "a" { path = "/a" } # says: There is no action "fil". Did you mean "file"?
  task "tempalte" "b" { path = "/a" } # says: There is no action "tempalte". Did you mean "file"?
  task "copy" "c" { path = "/a" } # says: There is no action "copy". Did you mean "file"?
}
