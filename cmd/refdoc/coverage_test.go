package main

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/agent/schema"
	"runner/agent/wire"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/function"
	"runner/transports/catalog"
)

// used is what the examples use: "host address", "host hop", "command argv", "ssh user".
type used map[string]bool

// read notes what a body of a block uses. Tasks and hops use the arguments of their action or transport.
func (u used) read(owners []string, body *hclsyntax.Body) {
	for name := range body.Attributes {
		for _, owner := range owners {
			u[owner+" "+name] = true
		}
	}
	for _, block := range body.Blocks {
		for _, owner := range owners {
			u[owner+" "+block.Type] = true
		}
		within := []string{block.Type}
		if len(block.Labels) > 0 {
			switch block.Type {
			case "task", "handler", "hop", "inventory":
				within = append(within, block.Type+" "+block.Labels[0])
			}
		}
		u.read(within, block.Body)
	}
}

// examplesUse reads the examples that are valid.
func examplesUse(t *testing.T) used {
	t.Helper()
	u := used{}
	for _, e := range examples(t) {
		if len(e.Info) < 2 || e.Info[0] != "hcl" || e.Info[1] == "error" {
			continue
		}
		file, diags := hclsyntax.ParseConfig([]byte(e.Text), "site.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%s: %v", e.Place(), diags)
		}
		owner := map[string]string{"job": "job", "task": "job", "hop": "host", "beside": "role file"}[e.Info[1]]
		if owner == "" {
			owner = "site"
		}
		u.read([]string{owner}, file.Body.(*hclsyntax.Body))
	}
	return u
}

// reference is the text of all pages.
func reference(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob(language + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// G40: each block and each of its arguments is in the reference and in an example.
func TestG40BlocksCovered(t *testing.T) {
	text, used, blocks := reference(t), examplesUse(t), config.Schemas()
	for kind, block := range blocks {
		holds := slices.Clone(block.Arguments)
		for _, b := range block.Blocks {
			holds = append(holds, b.Type)
			if _, ok := blocks[b.Type]; !ok {
				t.Errorf("config.Schemas does not have %s of %s", b.Type, kind)
			}
		}
		for _, name := range holds {
			if !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`"+name+" ") {
				t.Errorf("the reference does not have %s of %s", name, kind)
			}
			if !used[kind+" "+name] && kind != "handler" {
				t.Errorf("no example has %s of %s", name, kind)
			}
		}
	}
}

// G40: each argument of an action or transport is in an example. The pages are printed from the same schemas.
func TestG40ArgumentsCovered(t *testing.T) {
	used := examplesUse(t)
	check := func(kind string, blocks map[string]schema.Block) {
		for _, name := range slices.Sorted(maps.Keys(blocks)) {
			for _, a := range blocks[name].Arguments {
				if !used[kind+" "+name+" "+a.Name] {
					t.Errorf("no example has %s of the %s %s", a.Name, kind, name)
				}
			}
		}
	}
	check("task", allActions())
	check("hop", catalog.Schemas())
}

// G40: each fact is in the reference.
func TestG40FactsCovered(t *testing.T) {
	text := reference(t)
	var check func(of string, facts reflect.Type)
	check = func(of string, facts reflect.Type) {
		for facts.Kind() == reflect.Map || facts.Kind() == reflect.Slice {
			facts = facts.Elem()
		}
		if facts.Kind() != reflect.Struct {
			return
		}
		for field := range facts.Fields() {
			name := field.Tag.Get("cbor")
			if !strings.Contains(text, "`"+name+"`") {
				t.Errorf("the reference does not have %s of %s", name, of)
			}
			check(name, field.Type)
		}
	}
	check("self.facts", reflect.TypeFor[wire.Facts]())
}

// G40: each function has an example; a test of package function evaluates them all.
func TestG40FunctionsCovered(t *testing.T) {
	for _, d := range function.Reference() {
		if len(d.Examples) == 0 {
			t.Errorf("%s has no example", d.Name)
		}
	}
}

// G40: each error code has an example, or a reason why a site alone cannot have this error.
func TestG40CodesCovered(t *testing.T) {
	reasons := withoutSite()
	for _, d := range diag.Codes() {
		_, err := errorSites.ReadFile("errors/" + string(d.Code) + ".hcl")
		if (err == nil) == (reasons[d.Code] != "") {
			t.Errorf("%s needs either errors/%s.hcl or a reason in withoutSite", d.Code, d.Code)
		}
		delete(reasons, d.Code)
	}
	for code := range reasons {
		t.Errorf("there is no code %s", code)
	}
	files, err := errorSites.ReadDir("errors")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".hcl")
		if !slices.ContainsFunc(diag.Codes(), func(d diag.Description) bool { return string(d.Code) == name }) {
			t.Errorf("there is no code %s", name)
		}
	}
}
