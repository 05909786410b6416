package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestLargeInputs has input that is as large as people have: none of it is an error.
func TestLargeInputs(t *testing.T) {
	const hosts = 10_000
	var table, hostsYAML, blocks, resources strings.Builder
	hostsYAML.WriteString("all:\n  hosts:\n")
	for i := range hosts {
		fmt.Fprintf(&table, "web%05d:\n  address: 10.0.%d.%d\n", i, i/256, i%256)
		fmt.Fprintf(&hostsYAML, "    web%05d:\n      ansible_host: 10.0.%d.%d\n", i, i/256, i%256)
		for v := range 10 {
			fmt.Fprintf(&table, "  variable%d: value%d\n", v, i)
			fmt.Fprintf(&hostsYAML, "      variable%d: value%d\n", v, i)
		}
	}
	for i := range 40_000 {
		fmt.Fprintf(&blocks, "# A block of many.\nlocals {\n  list%d = [\"one\", \"two\", %d]\n  text%d = \"text number %d of many, which is not short\"\n}\n", i, i, i, i)
	}
	for i := range 10_000 {
		if i > 0 {
			resources.WriteString(",")
		}
		fmt.Fprintf(&resources, `{"mode": "managed", "type": "null_resource", "name": "r%d", "provider": "p", "instances": [{"schema_version": 0, "attributes": {"id": "%d", "text": "%s"}}]}`, i, i, strings.Repeat("x", 200))
	}
	task := "job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"f\" {\n    path    = \"/f\"\n    content = %s\n  }\n}\n"
	for _, h := range []hostile{
		{name: "hosts of a YAML file", files: map[string]string{"hosts.yml": table.String()}, site: `
locals {
  hosts = yamldecode(file("hosts.yml"))
  all   = [for h in host.web : h if h.vars.variable1 != ""]
  names = toset([for h in host.web : h.name])
  text  = join(",", true ? [for h in host.web : h.address] : [])
}
host "web" {
  for_each = local.hosts
  address  = each.value.address
  vars     = each.value
  hop "ssh" {}
}
`},
		{name: "an inventory", files: map[string]string{"hosts.yml": hostsYAML.String()}, site: `
inventory "ansible" "a" {
  path = "hosts.yml"
}
locals {
  all = [for h in inventory.ansible.a.hosts : h]
}
`},
		{name: "a template", files: map[string]string{"t": strings.Repeat("server ${name} {\n  listen 80;\n}\n", 30_000)}, site: fmt.Sprintf(task, `templatefile("t", { name = "a" })`)},
		{name: "blocks", site: blocks.String()},
		{
			name: "a state", files: map[string]string{"s.tfstate": `{"version": 4, "resources": [` + resources.String() + "]}"},
			site: "inventory \"terraform\" \"a\" {\n  path = \"s.tfstate\"\n  when = false\n}\n",
		},
	} {
		t.Run(h.name, func(t *testing.T) {
			dir := t.TempDir()
			writeSite(t, dir, h)
			m := measure(t, dir, nil, "validate", "--json")
			t.Logf("%v, %v of processors, %d MiB", m.Wall, m.CPU, m.Memory>>20)
			if m.Status != 0 || strings.Contains(m.Stdout, `"severity":"error"`) {
				t.Errorf("it ended with %d: %.1500s %.1000s", m.Status, m.Stdout, m.Stderr)
			}
		})
	}
}
