package lang_test

import (
	"fmt"
	"strings"
	"testing"

	actions "runner/agent/action/catalog"
	"runner/lang"
	"runner/lang/diag"
	hops "runner/transports/catalog"
)

// TestSimilarHosts checks tasks on many hosts whose variables have the same types: what no value can make fail is looked at
// once, and what is wrong on one host only is found all the same.
func TestSimilarHosts(t *testing.T) {
	genuine := lang.Options{Catalog: lang.Catalog{Actions: actions.Schemas(), Transports: hops.Schemas()}, Version: "1.2.3"}
	for _, c := range []struct {
		name, task    string
		common, other string // the variable v of most hosts, and of one
		similar, bad  bool
	}{
		{"text", `file: path = "/f"; content = "${self.name} ${self.vars.v}"`, `"a"`, `"b"`, true, false},
		{"list in a text", `file: path = "/f"; content = "${self.name} ${self.vars.v}"`, `"a"`, `["b"]`, true, true},
		{"null in a text", `file: path = "/f"; content = "${self.name} ${self.vars.v}"`, `"a"`, `null`, true, true},
		{"not there", `file: path = "/f"; content = "${self.name} ${self.vars.v}"`, `"a"`, ``, true, true},
		{"sum", `file: path = "/f"; content = "${self.name} ${self.vars.v + 1}"`, `2`, `3`, true, false},
		{"sum of a text", `file: path = "/f"; content = "${self.name} ${self.vars.v + 1}"`, `2`, `"x"`, true, true},
		{"texts that are numbers", `file: path = "/f"; content = "${self.name} ${self.vars.v + 1}"`, `"2"`, `"x"`, false, true},
		{"condition", `file: path = "/f"; content = self.vars.v > 2 ? self.name : "none"`, `2`, `3`, true, false},
		{"mode", `file: path = "/f"; content = self.name; mode = self.vars.v`, `"0644"`, `"999"`, false, true},
		{"path", `file: path = self.vars.v; content = self.name`, `"/a"`, `"b"`, false, true},
		{"owner", `file: path = "/f"; content = self.name; owner = self.vars.v`, `"root"`, `"-x"`, false, true},
		{"arguments", `command: argv = ["/bin/echo", self.name, self.vars.v]`, `"a"`, `"b"`, true, false},
		{"command", `command: argv = [self.vars.v, self.name]`, `"a"`, `""`, false, true},
		{"when", `command: argv = ["/bin/echo", self.name]; when = self.vars.v`, `true`, `"perhaps"`, false, true},
		{"template", `file: path = "/f"; content = templatefile("t.tftpl", {v = self.vars.v, name = self.name})`, `1`, `3`, true, false},
		{"template of a list", `file: path = "/f"; content = templatefile("t.tftpl", {v = self.vars.v, name = self.name})`, `1`, `[]`, true, true},
		{"function", `file: path = "/f"; content = "${self.name} ${base64decode(self.vars.v)}"`, `"YQ=="`, `"="`, false, true},
		{"local of the job", `file: path = "/f"; content = local.l`, `"a"`, `["b"]`, false, true},
		{"sensitive", `file: path = "/f"; content = "${self.name} ${self.vars.v}"`, `"a"`, `sensitive("b")`, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := "vars = { v = " + c.other + " }"
			if c.other == "" {
				other = ""
			}
			kind, arguments, _ := strings.Cut(c.task, ": ")
			task := fmt.Sprintf("%q \"t\" {\n%s\n}", kind, strings.ReplaceAll(arguments, "; ", "\n"))
			dir := write(t, map[string]string{"t.tftpl": "${name} %{ if v > 2 }many${v}%{ endif }\n", "x.hcl": fmt.Sprintf(`
host "many" {
  count = 200
  vars  = { v = %s }
  hop "local" {}
}
host "other" {
  %s
  hop "local" {}
}
job "j" {
  hosts = concat(host.many, [host.other])
  locals {
    l = "${self.name} ${self.vars.v}"
  }
  task %s
}
`, c.common, other, task)})
			site, files, diags := lang.Load(dir, genuine)
			if c.bad {
				if len(diags) == 0 {
					t.Fatal("nothing is found")
				}
				for _, d := range diags {
					if host := diag.ExtraOf(d).Host; host != "other" {
						t.Errorf("host %q\n%s", host, text(files, diags))
					}
				}
				return
			}
			if diags.HasErrors() {
				t.Fatal(text(files, diags))
			}
			j := site.Jobs[0]
			if got := site.Similar(j.Tasks[0], j.Hosts[3]) != ""; got != c.similar {
				t.Errorf("similar: %v", got)
			}
		})
	}
}
