job "a" {
  hosts = [host.localhost]
  tags  = [self.name] # says: "tags" of a job cannot use "self". It is only known in the arguments of hops, and in what a job evaluates for each host.
  task "command" "a" {
    argv = ["ls", self.facts.os_family, self.facts.hostname.x, self.facts["cpus"]] # says: self.facts has no "os_family". Did you mean "os.family"? # says: This is string, which has no attributes.
  }
  task "command" "b" {
    tags = [self.facts.os.id] # says: "tags" of a task cannot use "self". It is only known in the arguments of hops, and in what a job evaluates for each host.
    argv = [self.ansible_host] # says: A host has no attribute "ansible_host". There are "name", "address", "labels", "vars", "groups" and "facts".
  }
}
