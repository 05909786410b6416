package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runner/lang"
	"runner/lang/diag"
)

// TestInventoryWays joins what an inventory block says with what its source says of a host.
func TestInventoryWays(t *testing.T) {
	const chain = "chain \"b\" {\n  hop \"ssh\" {\n    address = \"bastion\"\n  }\n}\n"
	for _, test := range []struct{ name, hops, vars, want string }{
		{"nothing", "", "", `ssh{"address":"h"}`},
		{"of the source", "", "ansible_host=1.2.3.4 ansible_user=u ansible_port=22", `ssh{"address":"1.2.3.4","port":22,"user":"u"}`},
		{"filled", `hop "ssh" { host_key = "ignore" }`, "ansible_user=u", `ssh{"address":"h","host_key":"ignore","user":"u"}`},
		{"the block's stays", `hop "ssh" { user = "block" }`, "ansible_user=source ansible_port=22", `ssh{"address":"h","port":22,"user":"block"}`},
		{"behind a bastion", `chain = chain.b`, "ansible_user=u", `ssh{"address":"bastion"} ssh{"address":"h","user":"u"}`},
		{"behind a bastion, as given", "chain = chain.b\nhop \"ssh\" {}", "ansible_user=u", `ssh{"address":"bastion"} ssh{"address":"h","user":"u"}`},
		{"jumps behind the chain", `chain = chain.b`, "ansible_ssh_common_args='-J j1,j2'", `ssh{"address":"bastion"} ssh{"address":"j1"} ssh{"address":"j2"} ssh{"address":"h"}`},
		{"sudo of the block", `hop "sudo" {}`, "", `ssh{"address":"h"} sudo{}`},
		{"sudo of both", `hop "sudo" { user = "app" }`, "ansible_become=1 ansible_become_user=x ansible_become_pass=p", `ssh{"address":"h"} sudo{"password":"p","user":"app"}`},
		{"sudo behind a bastion", "chain = chain.b\nhop \"sudo\" {}", "", `ssh{"address":"bastion"} ssh{"address":"h"} sudo{}`},
		{"sudo of the source", `hop "ssh" {}`, "ansible_become=1", `ssh{"address":"h"} sudo{}`},
		{"a container", "chain = chain.b\nhop \"docker\" { container = self.name }", "", `ssh{"address":"bastion"} docker{"container":"h"}`},
		{"a container of the source", "chain = chain.b", "ansible_connection=docker ansible_host=c", `ssh{"address":"bastion"} docker{"container":"c"}`},
		{"local", "", "ansible_connection=local", `local{}`},
		{"local of the block", `hop "local" {}`, "ansible_host=x", `local{}`},
		{"self", `hop "ssh" { user = self.vars.login }`, "login=me", `ssh{"address":"h","user":"me"}`},
	} {
		site := load(t, write(t, map[string]string{
			"x.hcl": chain + "inventory \"ansible\" \"a\" {\n  path = \"hosts\"\n" + test.hops + "\n}\n",
			"hosts": "h " + test.vars + "\n",
		}), options())
		var got []string
		for _, hop := range site.Hosts[0].Hops {
			got = append(got, hop.Transport+show(hop.Options))
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%s:\n got  %s\n want %s", test.name, got, test.want)
		}
	}
}

// TestInventoryFacts reads facts of hosts of an inventory: only those that are meant are needed.
func TestInventoryFacts(t *testing.T) {
	const hosts = "[web]\nw1\nw2\n[db]\nd1\n"
	for expr, want := range map[string]string{
		`inventory.ansible.a.hosts["d1"].facts.arch`:                                "d1",
		`inventory.ansible.a.groups.web.w2.facts.arch`:                              "w2",
		`[for h in inventory.ansible.a.groups.web : h.facts.arch][0]`:               "w1 w2",
		`values(inventory.ansible.a.groups["db"])[0].facts.arch`:                    "d1",
		`[for h in inventory.ansible.a.hosts : h.facts.arch][0]`:                    "w1 w2 d1",
		`join("", [for n, g in inventory.ansible.a.groups : n if length(g) > 0])`:   "",
		`inventory.ansible.a.groups[local.g].d1.facts.arch`:                         "d1",
		`[for g in inventory.ansible.a.groups : [for h in g : h.facts.arch]][1][0]`: "w1 w2 d1",
		`{ x = inventory.ansible.a.groups }["x"].web.w1.facts.arch`:                 "w1 w2 d1",
		`[inventory.ansible.a][0].hosts.w1.facts.arch`:                              "w1 w2 d1",
		`inventory.ansible.a.hosts.w1.name`:                                         "",
	} {
		site := load(t, write(t, map[string]string{
			"x.hcl": "locals {\n  g = \"db\"\n}\ninventory \"ansible\" \"a\" {\n  path = \"hosts\"\n}\njob \"j\" {\n  hosts = host.localhost\n  task \"shell\" \"s\" {\n    script = " + expr + "\n  }\n}\n",
			"hosts": hosts,
		}), options())
		task := site.Jobs[0].Tasks[0]
		if got := strings.Join(task.Facts, " "); got != want {
			t.Errorf("%s needs the facts of %q, not %q", expr, got, want)
		}
		in, diags := site.Expand(task, site.Jobs[0].Hosts[0], everything{})
		if len(diags) > 0 || want != "" && in[0].Args["script"] != "x86_64" {
			t.Errorf("%s: %v %v", expr, in, diags)
		}
	}
}

// TestInventorySecrets: G36, what is encrypted or a password is shown nowhere.
func TestInventorySecrets(t *testing.T) {
	dir := write(t, map[string]string{
		"x.hcl": `
inventory "ansible" "a" {
  path = "hosts"
}
job "j" {
  hosts = inventory.ansible.a.hosts
  task "shell" "s" { script = jsonencode(self.vars) }
}
output "o" {
  value = inventory.ansible.a.hosts["h"].vars # no
}
`,
		"hosts": "h ansible_password=hunter2 ansible_user=u\n",
	})
	_, files, diags := lang.Load(dir, options())
	if len(diags) != 1 || diag.CodeOf(diags[0]) != diag.Sensitive || strings.Contains(text(files, diags), "hunter2") {
		t.Error(text(files, diags))
	}
	site := load(t, write(t, map[string]string{
		"x.hcl": "inventory \"ansible\" \"a\" {\n  path = \"hosts\"\n}\njob \"j\" {\n  hosts = inventory.ansible.a.hosts\n  task \"shell\" \"s\" {\n    script = jsonencode(self.vars)\n  }\n}\n",
		"hosts": "h ansible_password=hunter2 ansible_user=u\n",
	}), options())
	if strings.Contains(fmt.Sprint(site.Hosts[0].Vars), "hunter2") || !slices.Equal(site.Hosts[0].Hops[0].Secrets, []string{"password"}) {
		t.Errorf("%v %v", site.Hosts[0].Vars, site.Hosts[0].Hops[0])
	}
	if in, _ := site.Expand(site.Jobs[0].Tasks[0], site.Hosts[0], unknown{}); len(in[0].Secrets) == 0 {
		t.Error("the task is not sensitive")
	}
}

// TestInventoryProgram runs a program in the site's directory.
func TestInventoryProgram(t *testing.T) {
	dir := write(t, map[string]string{"x.hcl": "inventory \"exec\" \"a\" {\n  argv = [\"./inv\", \"--list\"]\n}\n"})
	script := "#!/bin/sh\necho \"{\\\"g\\\": [\\\"h$1\\\"], \\\"_meta\\\": {}}\"\n"
	if err := os.WriteFile(filepath.Join(dir, "inv"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	site := load(t, dir, options())
	if h := site.Hosts[0]; h.Name != "h--list" || !slices.Equal(h.GroupNames(), []string{"g"}) {
		t.Errorf("%+v", h)
	}
}

// TestManyInventoryHosts reads as many hosts as people have, with variables of groups and of their own.
func TestManyInventoryHosts(t *testing.T) {
	const many = 10_000
	var b strings.Builder
	b.WriteString("[all:vars]\n")
	for i := range 20 {
		fmt.Fprintf(&b, "common%d=value %d\n", i, i)
	}
	for g := range 100 {
		fmt.Fprintf(&b, "[g%d]\n", g)
		for i := range many / 100 {
			fmt.Fprintf(&b, "n%d-%d ansible_host=10.0.%d.%d rack=%d\n", g, i, g, i, g)
		}
	}
	dir := write(t, map[string]string{
		"x.hcl": "inventory \"ansible\" \"a\" {\n  path = \"hosts\"\n  hop \"ssh\" {}\n}\njob \"j\" {\n  hosts = inventory.ansible.a.hosts\n  task \"shell\" \"s\" {\n    script = \"echo ${self.vars.rack}\"\n  }\n}\n",
		"hosts": b.String(),
	})
	begin := time.Now()
	site := load(t, dir, options())
	took := time.Since(begin)
	t.Logf("%d hosts: %v", many, took)
	if len(site.Jobs[0].Hosts) != many || took > 15*time.Second {
		t.Errorf("%d hosts took %v", len(site.Jobs[0].Hosts), took)
	}
}
