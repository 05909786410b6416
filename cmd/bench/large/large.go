// Package large writes sites that are as large as any that people have, always the same for the same numbers. Its
// neighbour is cmd/bench, which measures what it takes to validate and to plan them.
package large

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Write fills a directory with a site of so many hosts, which a YAML file lists, and so many tasks: of each ten three
// are the same for all hosts, three read self.vars or self.name, one is a template for each host, one has for_each, one
// reads facts, and one the result of another task.
func Write(dir string, hosts, tasks int) error {
	for name, text := range map[string]string{
		"site.hcl": site(tasks), "hosts.yaml": inventory(hosts), "app.conf.tftpl": template,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("cannot write a site: %w", err)
		}
	}
	return nil
}

// WriteMany makes a directory with a site of so many hosts, all of which are this machine, and seven files on each. Nothing
// of it is there, and only plans are made.
func WriteMany(dir string, hosts int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("cannot write a site: %w", err)
	}
	text := strings.NewReplacer("HOSTS", strconv.Itoa(hosts), "DIR", dir).Replace(many)
	if err := os.WriteFile(filepath.Join(dir, "site.hcl"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("cannot write a site: %w", err)
	}
	return nil
}

const many = `
host "web" {
  count = HOSTS
  hop "local" {}
  vars = { n = count.index }
}

job "j" {
  hosts = host.web
  task "directory" "d" { path = "DIR/out" }
  task "file" "same" {
    path    = "DIR/out/same"
    content = "same\n"
  }
  task "file" "own" {
    for_each = toset(["a", "b", "c", "d", "e", "f"])
    path     = "DIR/out/${self.name}-${each.key}"
    content  = "n = ${self.vars.n}\n"
  }
}
`

const head = `
variable "release" {
  type    = string
  default = "1.4.2"
}

locals {
  hosts = yamldecode(file("${path.module}/hosts.yaml"))
  root  = "/srv/shop"
}

chain "admin" {
  hop "ssh" {
    user   = "deploy"
    config = false
  }
  hop "sudo" {}
}

host "web" {
  for_each = local.hosts
  address  = each.value.address
  chain    = chain.admin
  labels   = { tier = each.value.tier, zone = each.value.zone }
  vars     = { port = each.value.port, weight = each.value.weight }
}

job "web" {
  hosts = [for h in host.web : h if h.labels.tier != "none"]
`

const template = `# release ${release}
listen ${port}
name ${name}
%{ if weight > 50 ~}
workers ${weight * 2}
%{ endif ~}
root /srv/shop/${release}
`

func site(tasks int) string {
	var b strings.Builder
	b.WriteString(head)
	kinds := kinds()
	for i := range tasks {
		b.WriteString(strings.ReplaceAll(kinds[i%len(kinds)], "N", strconv.Itoa(i)))
	}
	b.WriteString("}\n")
	return b.String()
}

// kinds are the tasks, N for their number.
func kinds() []string {
	return []string{
		"  task \"directory\" \"tN\" {\n    path = \"${local.root}/N\"\n    mode = \"0755\"\n  }\n",
		"  task \"file\" \"tN\" {\n    path    = \"/etc/shop/N.conf\"\n    content = \"port ${self.vars.port}\\nname ${self.name}\\n\"\n    mode    = \"0644\"\n  }\n",
		"  task \"shell\" \"tN\" {\n    script = \"echo ${var.release} > ${local.root}/N\"\n  }\n",
		"  task \"file\" \"tN\" {\n    path    = \"/etc/shop/app-N.conf\"\n    content = templatefile(\"app.conf.tftpl\", { release = var.release, port = self.vars.port, name = self.name, weight = self.vars.weight })\n  }\n",
		"  task \"command\" \"tN\" {\n    argv = [\"register\", self.address, \"--zone\", self.labels.zone, \"--port\", self.vars.port]\n  }\n",
		"  task \"directory\" \"tN\" {\n    for_each = toset([\"bin\", \"etc\", \"log\"])\n    path     = \"${local.root}/N/${each.key}\"\n  }\n",
		"  task \"command\" \"tN\" {\n    argv    = [\"tune\", self.facts.arch, self.facts.cpus]\n    changes = false\n  }\n",
		"  task \"symlink\" \"tN\" {\n    path   = \"${local.root}/current-N\"\n    target = \"${local.root}/${var.release}\"\n  }\n",
		"  task \"file\" \"tN\" {\n    path    = \"/etc/shop/weight-N\"\n    content = \"${self.vars.weight > 50 ? \"heavy\" : \"light\"}\"\n  }\n",
		"  task \"command\" \"cN\" {\n    argv = [\"id\"]\n    changes = false\n  }\n  task \"shell\" \"tN\" {\n    script = \"reload\"\n    when   = task.command.cN.changed\n  }\n",
	}
}

func inventory(hosts int) string {
	var b strings.Builder
	for i := range hosts {
		fmt.Fprintf(&b, "web%05d:\n  address: 10.%d.%d.%d\n  tier: web\n  zone: z%d\n  port: %d\n  weight: %d\n",
			i, i/65536, i/256%256, i%256, i%8, 8000+i%4, i%100)
	}
	return b.String()
}
