package ansible

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
)

// seeds are the files of the inventories that are compared with Ansible.
func seeds(f *testing.F, add func(text string)) {
	err := filepath.Walk("testdata/compare", func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		add(string(text))
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
}

// sound says what is wrong with what a reader returned.
func sound(t *testing.T, out *inventory.Inventory, diags hcl.Diagnostics) {
	t.Helper()
	if (out == nil) != diags.HasErrors() {
		t.Fatalf("an inventory: %v, errors: %v", out != nil, diags)
	}
	for _, d := range diags {
		if diag.ExtraOf(d).Code == "" || d.Summary == "" || d.Detail == "" {
			t.Errorf("no words: %v", d)
		}
		if s := d.Subject; s != nil && (s.Start.Line < 1 || s.End.Byte < s.Start.Byte || s.End.Byte > len(diag.ExtraOf(d).Source)) {
			t.Errorf("no place: %v", d)
		}
	}
	if out == nil {
		return
	}
	names := map[string]bool{}
	for _, h := range out.Hosts {
		if names[h.Name] || h.Name == "" {
			t.Errorf("a second host %q", h.Name)
		}
		names[h.Name] = true
		checkPlain(t, h.Vars)
	}
	for _, g := range out.Groups {
		for _, h := range g.Hosts {
			if !names[h] {
				t.Errorf("the group %q has %q, which is no host", g.Name, h)
			}
		}
	}
}

// checkPlain finds values of types that there should not be.
func checkPlain(t *testing.T, v any) {
	t.Helper()
	if _, err := json.Marshal(plainJSON(v)); err != nil {
		t.Errorf("%v: %#v", err, v)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			checkPlain(t, e)
		}
	case []any:
		for _, e := range v {
			checkPlain(t, e)
		}
	case inventory.Secret:
		checkPlain(t, v.Value)
	case json.Number, int:
		t.Errorf("a value of type %T", v)
	}
}

// fuzzFile reads anything from a file of some name.
func fuzzFile(f *testing.F, name string) {
	seeds(f, func(text string) { f.Add(text) })
	f.Add("h[1:3]:22 a=[1,{'b':(2,)}] c=\"d e\" # f\n[g:children]\nh\n[h:vars]\nx=\"\"\"y\"\"\"\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, diags := Read(path, Options{Passwords: map[string]string{"default": "x"}})
		sound(t, out, diags)
	})
}

// FuzzINI reads anything as INI.
func FuzzINI(f *testing.F) { fuzzFile(f, "hosts.ini") }

// FuzzYAML reads anything as YAML, or as INI if it is none.
func FuzzYAML(f *testing.F) { fuzzFile(f, "hosts.yml") }

// FuzzVars reads anything as variables of a group.
func FuzzVars(f *testing.F) {
	seeds(f, func(text string) { f.Add(text) })
	dir := f.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "group_vars"), 0o700); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts"), []byte("h\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "group_vars", "all.yml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, diags := Read(filepath.Join(dir, "hosts"), Options{})
		sound(t, out, diags)
	})
}

// FuzzDynamic reads anything as what an inventory program printed.
func FuzzDynamic(f *testing.F) {
	for _, seed := range []string{
		`{"_meta": {"hostvars": {"a": {"x": 1}}}, "web": ["a"], "db": {"hosts": ["c"], "vars": {"v": 1e3}, "children": ["web"]}}`,
		`{"a": {"b": {"__ansible_vault": "x"}}}`, `{"w": {"hosts": ["a"], "vars": {"ansible_host": "{{ b }}", "ansible_become": true}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, diags := Dynamic(&inventory.File{Name: "out", Text: text}, Options{})
		sound(t, out, diags)
	})
}
