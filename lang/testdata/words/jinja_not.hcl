job "web" {
  hosts = [host.localhost]
  task "command" "c" {
    argv = ["ls", item, hostvars["x"].y, inventory_hostname]
    when = not true # says: The value has ended before this. Each argument stands on a line of its own.
  }
  task "command" "d" {
    argv = ["ls"]
    when = self.facts.os.family == "debian" and true
  }
}
