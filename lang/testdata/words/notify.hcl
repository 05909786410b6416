job "a" {
  hosts = [host.localhost]
  task "command" "a" {
    argv   = ["ls"]
    notify = "reload" # says: "notify" takes a list of handlers, such as [handler.NAME], but this is string. Did you mean "handler.reload"?
  }
  task "command" "b" {
    argv   = ["ls"]
    notify = ["reload"] # says: "notify" takes a list of handlers, such as [handler.NAME], but this is string. Did you mean "handler.reload"?
  }
  task "command" "c" {
    argv   = ["ls"]
    notify = handler.reload # says: "notify" takes a list of handlers, such as [handler.NAME], but this is a handler.
  }
  task "command" "d" {
    argv   = ["ls"]
    notify = [handler.command.reload] # says: The job "a" has no handler "command". Did you mean "handler.reload"?
  }
  handler "command" "reload" { argv = ["ls"] }
}
