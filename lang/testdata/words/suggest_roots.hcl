job "a" {
  hosts = [hosts.localhost] # says: There is nothing called "hosts" here. Did you mean "host"?
  task "command" "a" { argv = [slef.name, vars.x, locals.y, variable.x] } # says: There is nothing called "slef" here. Did you mean "self"? # says: There is nothing called "vars" here. Did you mean "var"? # says: There is nothing called "locals" here. Did you mean "local"? # says: There is nothing called "variable" here. Did you mean "var"?
}
