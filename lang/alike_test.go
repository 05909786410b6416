package lang_test

import (
	"testing"

	"runner/lang"
	"runner/lang/diag"
)

// TestAlike compares hosts by what tasks read of them, and evaluates each task on all hosts that differ in it.
func TestAlike(t *testing.T) {
	site := load(t, write(t, map[string]string{"x.hcl": `
host "h" {
  for_each = { a = 1, b = 1, c = 2 }
  vars     = { n = each.value, s = sensitive(each.value) }
  hop "local" {}
}
job "j" {
  hosts = host.h
  task "command" "same" { argv = ["x", self.facts.arch] }
  task "command" "var" { argv = ["x", self.vars.n] }
  task "command" "when" {
    argv = ["x"]
    when = self.vars.n == 1
  }
  task "command" "name" { argv = ["x", self.name] }
  task "command" "secret" { argv = ["x", self.vars.s] }
  task "command" "whole" { argv = ["x", jsonencode([for k, v in self : k])] }
}
`}), options())
	for _, task := range site.Jobs[0].Tasks {
		keys := make([]string, 3)
		for i, h := range site.Jobs[0].Hosts {
			keys[i] = site.Alike(task, h)
		}
		var ok bool
		switch task.Name {
		case "same":
			ok = keys[0] != "" && keys[0] == keys[1] && keys[0] == keys[2]
		case "var", "when":
			ok = keys[0] != "" && keys[0] == keys[1] && keys[0] != keys[2]
		default:
			ok = keys[0] == "" && keys[1] == "" && keys[2] == ""
		}
		if !ok {
			t.Errorf("%s: %q", task.Name, keys)
		}
	}

	_, _, diags := lang.Load(write(t, map[string]string{"x.hcl": `
host "h" {
  for_each = { a = "0644", b = "0644", c = "0999" }
  vars     = { mode = each.value }
  hop "local" {}
}
job "j" {
  hosts = host.h
  task "file" "f" {
    path    = "/f"
    content = ""
    mode    = self.vars.mode
  }
}
`}), options())
	if len(diags) != 1 || diag.ExtraOf(diags[0]).Host != `h["c"]` {
		t.Errorf("%v", diags)
	}
}
