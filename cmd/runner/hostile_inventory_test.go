package main

import (
	"fmt"
	"strings"
)

// hostileInventories are inventories that are made to harm the program.
func hostileInventories() []hostile {
	r := strings.Repeat
	rows := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i, max(i-1, 0))
		}
		return b.String()
	}
	of := func(name, file, text string) hostile {
		return hostile{
			name: "inventory, " + name, files: map[string]string{file: text},
			site: fmt.Sprintf("inventory \"ansible\" \"a\" {\n  path = %q\n}\n", file),
		}
	}
	state := func(name, text string) hostile {
		return hostile{
			name: "state, " + name, files: map[string]string{"t.tfstate": text},
			site: "inventory \"terraform\" \"a\" {\n  path = \"t.tfstate\"\n  when = true\n}\n",
		}
	}
	program := func(name string, argv string) hostile {
		return hostile{name: "program, " + name, site: "inventory \"exec\" \"a\" {\n  argv    = " + argv + "\n  timeout = \"100ms\"\n}\n"}
	}
	return []hostile{
		of("range", "hosts", "web[0:999999999]\n"),
		of("ranges", "hosts", "h"+r("[0:99]", 8)+"\n"),
		of("range with variables", "hosts", "h[0:49999] "+rows(100, "v%[1]d=1 ")+"\n"),
		of("hosts", "hosts", rows(100_000, "h%[1]d\n")),
		of("groups in groups", "hosts", rows(30_000, "[g%[1]d:children]\ng%[1]d1\n")),
		of("variables of all", "hosts", "[all:vars]\n"+rows(1000, "v%[1]d=1\n")+"[g]\nh[0:9999] x=1\n"),
		of("a line", "hosts", "h "+r("x=1 ", 1<<20)),
		of("a literal", "hosts", "h a="+r("[", 100_000)+"\n"),
		of("a file", "hosts", r("#\n", 5<<20)),
		of("brackets", "hosts.yml", "all: "+r("[", 100_000)),
		of("commas", "hosts.yml", "all: {vars: {a: ["+r("x,", 1<<20)+"]}}"),
		of("laughs", "hosts.yml", "all:\n  vars:\n    a0: &a0 x\n"+rows(60, "    b%[1]d: &a%[1]d [*a%[2]d, *a%[2]d, *a%[2]d]\n")),
		of("JSON", "hosts.json", `{"all": {"vars": {"a": [`+r("1,", 1<<20)+"1]}}}"),
		state("brackets", `{"version": 4, "a": `+r("[", 100_000)),
		state("commas", `{"version": 4, "resources": [`+r("{},", 1<<20)+"{}]}"),
		program("endless", `["cat", "/dev/zero"]`),
		program("slow", `["sleep", "100"]`),
	}
}
