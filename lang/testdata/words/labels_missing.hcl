job "a" {
  hosts = [host.localhost]
  task "command" { argv = ["ls"] } # says: The block lacks its name. It begins with task "ACTION" "NAME" {.
  task { argv = ["ls"] } # says: The block lacks its action. It begins with task "ACTION" "NAME" {.
  task "command" "b" "c" { argv = ["ls"] } # says: There is nothing that this label could stand for. The block begins with task "ACTION" "NAME" {.
  handler "reload" { argv = ["ls"] } # says: The block lacks its name. It begins with handler "ACTION" "NAME" {.
}
job { # says: The block lacks its name. It begins with job "NAME" {.
  hosts = [host.localhost]
}
host { address = "a" } # says: The block lacks its name. It begins with host "NAME" {.
