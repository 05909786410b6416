job "web" {
  hosts = [host.localhost]
  task "fle" "a" { path = "/a" } # says: There is no action "fle". Did you mean "file"?
  task "tempalte" "b" { path = "/a" } # says: There is no action "tempalte". Did you mean "file"?
  task "copy" "c" { path = "/a" } # says: There is no action "copy". Did you mean "file"?
}
