package ansible

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"runner/lang/diag"
	"runner/lang/inventory"
)

// shown writes a connection as text: hops with their options in order, secrets marked.
func shown(c inventory.Connection) string {
	hop := func(h inventory.Hop) string {
		options := map[string]any{}
		for name, v := range h.Options {
			if bare, secret := inventory.Reveal(v); secret {
				v = fmt.Sprintf("secret:%v", bare)
			}
			options[name] = v
		}
		text, _ := json.Marshal(options)
		return h.Transport + string(text)
	}
	var parts []string
	for _, j := range c.Jumps {
		parts = append(parts, hop(j))
	}
	parts = append(parts, hop(c.Hop))
	if c.Become != nil {
		parts = append(parts, hop(*c.Become))
	}
	return strings.TrimSpace(c.Address + " " + strings.Join(parts, " "))
}

func TestConnection(t *testing.T) {
	for _, test := range []struct{ vars, want string }{
		{"", "h ssh{}"},
		{"ansible_host=10.0.0.1 ansible_port=2222 ansible_user=deploy", `10.0.0.1 ssh{"port":2222,"user":"deploy"}`},
		{"ansible_ssh_host=10.0.0.1 ansible_ssh_port=22 ansible_ssh_user=u ansible_ssh_pass=p", `10.0.0.1 ssh{"password":"secret:p","port":22,"user":"u"}`},
		{"ansible_host=a ansible_ssh_host=b", `b ssh{}`},
		{"ansible_user=1000 ansible_host='[2001:db8::1]'", `2001:db8::1 ssh{"user":"1000"}`},
		{"ansible_ssh_private_key_file=~/.ssh/k ansible_password=x", `h ssh{"keys":["~/.ssh/k"],"password":"secret:x"}`},
		{"ansible_connection=local", `local{}`},
		{"ansible_connection=ansible.builtin.ssh", `h ssh{}`},
		{"ansible_connection=paramiko", `h ssh{}`},
		{"ansible_connection=docker", `docker{"container":"h"}`},
		{"ansible_connection=community.docker.docker ansible_host=app_1 ansible_user=www", `docker{"container":"app_1","user":"www"}`},
		{"ansible_become=yes", `h ssh{} sudo{}`},
		{"ansible_become=True ansible_become_user=postgres ansible_become_password=p ansible_become_flags='-H -S -n -E'", `h ssh{} sudo{"args":["-E"],"password":"secret:p","set_home":true,"user":"postgres"}`},
		{"ansible_become=no ansible_become_user=postgres", `h ssh{}`},
		{"ansible_become=1 ansible_become_method=doas ansible_become_pass=p", `h ssh{} doas{"password":"secret:p"}`},
		{"ansible_ssh_common_args='-o ProxyJump=me@bastion:2200,inner -o StrictHostKeyChecking=accept-new'", `h ssh{"address":"bastion","port":2200,"user":"me"} ssh{"address":"inner"} ssh{"host_key":"accept-new"}`},
		{`ansible_ssh_extra_args="-J '[2001:db8::1]:22' -oUserKnownHostsFile=/dev/null -i k1 -o IdentityFile=k2 -p 44 -l bob -C -F /etc/c"`, `h ssh{"address":"2001:db8::1","port":22} ssh{"config":"/etc/c","keys":["k1","k2"],"known_hosts":["/dev/null"],"port":44,"user":"bob"}`},
		{`ansible_ssh_common_args="-o IdentitiesOnly=yes -o 'ConnectTimeout 5' -o ServerAliveInterval=30 -o IdentityAgent=none -o ControlMaster=auto"`, `h ssh{"agent":false,"connect_timeout":"5s","identities_only":true,"keepalive":"30s"}`},
		{"ansible_user=variable ansible_ssh_common_args='-o User=option'", `h ssh{"user":"variable"}`},
		{"ansible_ssh_host_key_checking=false ansible_ssh_timeout=7", `h ssh{"connect_timeout":"7s","host_key":"ignore"}`},
		{"ip=10.9.9.9 ansible_host='{{ ip }}' ansible_user='{{inventory_hostname}}'", `10.9.9.9 ssh{"user":"h"}`},
		{"ansible_user= ansible_host=", `h ssh{}`},
	} {
		path := write(t, map[string]string{"hosts": "h " + test.vars + "\n"})
		out, diags := Read(path, Options{Transports: []string{"doas"}})
		if len(diags) > 0 {
			t.Errorf("%s: %v", test.vars, diags)
			continue
		}
		if got := shown(out.Hosts[0].Connection); got != test.want {
			t.Errorf("%s:\n got  %s\n want %s", test.vars, got, test.want)
		}
	}
}

// TestErrors reads inventories with something wrong, and looks for the code, the line and a word of what is said.
func TestErrors(t *testing.T) {
	const secret = "h ansible_password=hunter2 x\n"
	for _, test := range []struct {
		files map[string]string
		code  diag.Code
		line  int
		says  string
	}{
		{map[string]string{"hosts": "[web\nx\n"}, diag.Syntax, 1, "not closed"},
		{map[string]string{"hosts": "a\n[web x]\n"}, diag.Syntax, 2, "without spaces"},
		{map[string]string{"hosts": "[web:varz]\n"}, diag.Syntax, 1, `Did you mean "vars"?`},
		{map[string]string{"hosts": "[web:children]\nbd\n[db]\n"}, diag.UnknownReference, 2, `Did you mean "db"?`},
		{map[string]string{"hosts": "x\n[web:vars]\na=1\n"}, diag.UnknownReference, 2, "declare it as [web]"},
		{map[string]string{"hosts": "[all:vars]\nnothing\n"}, diag.Syntax, 2, "NAME=VALUE"},
		{map[string]string{"hosts": "h a=1 b\n"}, diag.Syntax, 1, "NAME=VALUE"},
		{map[string]string{"hosts": "h a='1\n"}, diag.Syntax, 1, "a quote is not closed"},
		{map[string]string{"hosts": "h a=1\\\n"}, diag.Syntax, 1, "last backslash"},
		{map[string]string{"hosts": "h[1:x]\n"}, diag.Inventory, 1, "two numbers or two letters"},
		{map[string]string{"hosts": "h[01:5]\n"}, diag.Inventory, 1, "same length"},
		{map[string]string{"hosts": "h[5:1]\n"}, diag.Inventory, 1, "not after its end"},
		{map[string]string{"hosts": "h[1:]\n"}, diag.Inventory, 1, "needs an end"},
		{map[string]string{"hosts": "h[1:5:0]\n"}, diag.Inventory, 1, "step"},
		{map[string]string{"hosts": "h[1]\n"}, diag.Inventory, 1, "[BEGIN:END]"},
		{map[string]string{"hosts": "h:\n[g]\n"}, diag.Inventory, 1, "colon"},
		{map[string]string{"hosts": "a\n[g]\nb \xff\n"}, diag.Syntax, 3, "UTF-8"},
		{map[string]string{"hosts": "[a:children]\nb\n[b:children]\na\n"}, diag.Cycle, 4, "in one another"},
		{map[string]string{"hosts": "[a:children]\na\n"}, diag.Cycle, 2, "child of its own"},
		{map[string]string{"hosts": "[a]\n[a:vars]\nansible_group_priority=high\n"}, diag.InvalidValue, 3, "whole number"},
		{map[string]string{"hosts": "#!/bin/sh\necho\n"}, diag.NotSupported, 1, "type exec"},
		{map[string]string{"hosts.yml": "all:\n  hosts:\n    - a\n"}, diag.Inventory, 3, "must be a map"},
		{map[string]string{"hosts.yml": "all:\n  hosts:\n    1:\n"}, diag.Inventory, 3, "put it in quotes"},
		{map[string]string{"hosts.yml": "all:\n  hosts:\n    a: 5\n"}, diag.Inventory, 3, "must be a map"},
		{map[string]string{"hosts.yml": "all:\n  host:\n    a:\n"}, diag.Inventory, 2, `Did you mean "hosts"?`},
		{map[string]string{"hosts.yml": "all:\n  hosts: [a\n"}, diag.Syntax, 1, "not valid YAML"},
		{map[string]string{"hosts.yml": "all:\n  vars:\n    a: !lookup x\n"}, diag.NotSupported, 3, "!lookup"},
		{map[string]string{"hosts.yml": "plugin: amazon.aws.aws_ec2\n"}, diag.NotSupported, 1, "ansible-inventory"},
		{map[string]string{"hosts.yml": "all:\n---\nall:\n"}, diag.Syntax, 2, "second document"},
		{map[string]string{"hosts.yml": "a:\n  children:\n    b:\n      children:\n        a:\n"}, diag.Cycle, 5, "one another"},
		{map[string]string{"hosts.yml": "all:\n  hosts:\n    h: {ansible_port: many}\n"}, diag.Inventory, 3, "ansible_port takes the number of a port"},
		{map[string]string{"hosts.yml": "all:\n  hosts:\n    h: {ansible_user: [a]}\n"}, diag.Inventory, 3, "takes text, but this is a list"},
		{map[string]string{"hosts": "h ansible_connection=winrm\n"}, diag.NotSupported, 1, `"winrm"`},
		{map[string]string{"hosts": "h ansible_connection=dokcer\n"}, diag.NotSupported, 1, `Did you mean "docker"?`},
		{map[string]string{"hosts": "h ansible_become=1 ansible_become_method=runas\n"}, diag.NotSupported, 1, `"runas"`},
		{map[string]string{"hosts": "h ansible_become=perhaps\n"}, diag.Inventory, 1, "true or false"},
		{map[string]string{"hosts": "h ansible_host='{{ lookup(\"x\") }}'\n"}, diag.Inventory, 1, "Jinja"},
		{map[string]string{"hosts": "h ansible_host='{{ nowhere }}'\n"}, diag.Inventory, 1, `"nowhere"`},
		{map[string]string{"hosts": "h a='{{ b }}' b='{{ a }}' ansible_host='{{ a }}'\n"}, diag.Inventory, 1, "Jinja"},
		{map[string]string{"hosts": "h ansible_ssh_common_args='-o ProxyCommand=\"nc x\"'\n"}, diag.NotSupported, 1, "ProxyJump"},
		{map[string]string{"hosts": "h ansible_ssh_common_args='-o HostKeyAlias=x'\n"}, diag.NotSupported, 1, "HostKeyAlias"},
		{map[string]string{"hosts": "h ansible_connection=docker ansible_docker_extra_args=-H\n"}, diag.NotSupported, 1, "ansible_docker_extra_args"},
		{map[string]string{"hosts": "h\n", "host_vars/h.yml": "- a\n"}, diag.Inventory, 1, "holds a map"},
		{map[string]string{"hosts": "h\n", "group_vars/all.yml": "a: 1\nb: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n"}, diag.Vault, 2, "cannot be decrypted"},
		{map[string]string{"hosts": secret}, diag.Syntax, 1, "NAME=VALUE"},
	} {
		path := write(t, test.files)
		_, diags := Read(path, Options{})
		if len(diags) == 0 {
			t.Errorf("%v: no error", test.files)
			continue
		}
		d := diags[0]
		if diag.CodeOf(d) != test.code || d.Subject == nil || d.Subject.Start.Line != test.line || !strings.Contains(d.Detail, test.says) {
			t.Errorf("%v: %s %s", test.files, diag.CodeOf(d), diags)
		}
		e := diag.ExtraOf(d)
		if hides := test.files["hosts"] == secret; len(e.Source) == 0 || e.HideSource != hides {
			t.Errorf("%v: the source is hidden: %v", test.files, e.HideSource)
		}
	}
}

// TestManyWarnings: warnings, however many, are no errors.
func TestManyWarnings(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"options": {"hosts": lines(100, "h%d ansible_ssh_common_args='-o Foo=x'\n")},
		"keys":    {"hosts.yml": "all:\n  hosts: {h0: }\n" + lines(100, "  key%d: {}\n") + "  children: {g: {hosts: {h1: }}}\n"},
	} {
		out, diags := Read(write(t, files), Options{})
		if diags.HasErrors() || len(diags) == 0 || len(diags) > mostErrors || len(out.Hosts) < 2 {
			t.Errorf("%s: %v", name, diags)
		}
	}
}

// TestSecrets says which values are never shown.
func TestSecrets(t *testing.T) {
	path := write(t, map[string]string{"hosts": "h ansible_become_pass=a ansible_user=b plain=c\n"})
	out, diags := Read(path, Options{})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	for name, v := range out.Hosts[0].Vars {
		if _, secret := inventory.Reveal(v); secret != (name == "ansible_become_pass") {
			t.Errorf("%s: secret is %v", name, secret)
		}
	}
	out, diags = Read("testdata/compare/vault/hosts.yml", optionsOf(t, "testdata/compare/vault/vault-password"))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	for name, v := range out.Hosts[0].Vars {
		if _, secret := inventory.Reveal(v); secret != (name != "plain") {
			t.Errorf("%s: secret is %v", name, secret)
		}
	}
	// An error in a file that was encrypted shows nothing of it.
	for _, passwords := range []map[string]string{nil, {"default": "wrong"}, {"other": "wrong"}} {
		_, diags = Read("testdata/compare/vault/hosts.yml", Options{Passwords: passwords})
		if len(diags) == 0 || diag.CodeOf(diags[0]) != diag.Vault {
			t.Errorf("%v: %v", passwords, diags)
		}
	}
}

// TestDynamic reads what inventory programs print.
func TestDynamic(t *testing.T) {
	read := func(text string) (*inventory.Inventory, string) {
		out, diags := Dynamic(&inventory.File{Name: "out", Text: text}, Options{})
		var says []string
		for _, d := range diags {
			says = append(says, string(diag.CodeOf(d))+" "+d.Detail)
		}
		return out, strings.Join(says, "\n")
	}
	out, says := read(`{"_meta": {"hostvars": {"a": {"x": 1, "ansible_host": "10.0.0.1"}, "stranger": {"y": 2}}},
 "web": ["a", "b"], "db": {"hosts": ["c"], "vars": {"v": [1, 2.5, null]}, "children": ["sub"]}, "sub": {"hosts": ["d"]}, "lone": {"z": 1}}`)
	if says != "" {
		t.Fatal(says)
	}
	var got []string
	for _, h := range out.Hosts {
		vars, _ := json.Marshal(h.Vars)
		got = append(got, fmt.Sprintf("%s %v %s %s", h.Name, h.Groups, vars, h.Connection.Address))
	}
	want := []string{
		`a [web] {"ansible_host":"10.0.0.1","x":1} 10.0.0.1`, `b [web] {} b`, `c [db] {"v":[1,2.5,null]} c`,
		`d [db sub] {"v":[1,2.5,null]} d`, `lone [lone] {"z":1} lone`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	for text, want := range map[string]string{
		`{"web": ["a"]}`:                 "--host",
		`[]`:                             "prints a JSON object",
		`{"web": "a"}`:                   "list of names",
		`{"web": {"hosts": {"a": {}}}}`:  "list of names",
		`{"web": {"hosts": [1]}}`:        "which are text",
		`{"web": {"vars": []}}`:          "are an object",
		`{"web": {"children": ["web"]}}`: "child of its own",
		`{"web": {`:                      "ends too early",
		`{"web": ["a"]} x`:               "follows the end",
		`{"_meta": {"hostvars": {"a": 1}}, "w": ["a"]}`: "must be a map",
		``: "ends too early",
	} {
		if _, says := read(text); !strings.Contains(says, want) {
			t.Errorf("%s: %s", text, says)
		}
	}
}

// TestG36EncryptedFiles: what is wrong in files that were encrypted is said without what they hold.
func TestG36EncryptedFiles(t *testing.T) {
	for name, code := range map[string]diag.Code{"connection": diag.NotSupported, "broken": diag.Syntax, "jump": diag.Inventory, "method": diag.NotSupported} {
		_, diags := Read("testdata/private/"+name+"/hosts", Options{Passwords: map[string]string{"default": "correct horse"}})
		if len(diags) != 1 || diag.CodeOf(diags[0]) != code {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		if strings.Contains(diags[0].Detail, "hunter2") || !diag.ExtraOf(diags[0]).HideSource || diags[0].Subject.Start.Line < 1 {
			t.Errorf("%s: %s", name, diags[0].Detail)
		}
	}
}
