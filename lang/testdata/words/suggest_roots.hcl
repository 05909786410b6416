job "a" {
  hosts = [hosts.localhost] # says: There is nothing called "hosts" here. Did you mean "host"?
  task "command" "a" { argv = [slef.name, vars.x, locals.y, variable.x] } # says: There is nothing called "slef" here. Did you mean "self"? # says: There is nothing called "vars" here. Did you mean "var"? # says: There is nothing called "locals" here. Did you mean "local"? # says: There is nothing called "variable" here. Did you mean "var"?
}
output "a" { value = vr.x } # says: There is nothing called "vr" here. Did you mean "var"?
output "b" { value = x } # says: There is nothing called "x" here. Text stands in double quotes: "x".
output "c" { value = hostvars.x } # says: There is nothing called "hostvars" here. Did you mean "host"?
output "d" { value = data.x.y } # says: There is nothing called "data" here.
output "e" { value = module.x } # says: There is nothing called "module" here.
output "f" { value = count.index } # says: An output cannot use "count". It is only known in a host that has count.
