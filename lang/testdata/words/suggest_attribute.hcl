job "web" {
  hosts = [host.localhost]
  task "command" "a" { argv = ["a", self.nme, self.fact.cpus, self.facts.cpu, self.facts.os.famly, path.modul, run.di, self.labels.tir, self.vars.prt] } # says: A host has no attribute "nme". Did you mean "name"? # says: A host has no attribute "fact". Did you mean "facts"? # says: "path" has only site and module. Did you mean "module"? # says: "run" has only id. Did you mean "id"?
  task "command" "b" {
    for_each = { a = 1 }
    argv     = [each.ky, each.vlue] # says: "each" has only key and value. Did you mean "key"? # says: "each" has only key and value. Did you mean "value"?
  }
  task "command" "c" {
    argv         = ["x"]
    changed_when = result.stdot != "" # says: "result" has only changed, failed, skipped, duration, stdout, stderr, exit_code. Did you mean "stdout"?
    retry {
      attempts = 2
      until    = result.exitcode == 0 # says: "result" has only changed, failed, skipped, duration, stdout, stderr, exit_code. Did you mean "exit_code"?
    }
  }
}
