package ansible

import (
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"runner/lang/inventory"
	"runner/lang/inventory/vault"
)

// TestAgainstAnsible holds the reader against ansible-inventory: the same hosts, groups and variables.
func TestAgainstAnsible(t *testing.T) {
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		t.Skip("ansible-inventory is missing: it is in Debian's package ansible-core, which make testbed installs")
	}
	cases, err := os.ReadDir("testdata/compare")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name(), func(t *testing.T) {
			t.Parallel()
			source, password := sourceOf(t, filepath.Join("testdata/compare", c.Name()))
			want := ansibleSays(t, program, source, password)
			got, diags := Read(source, optionsOf(t, password))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			compare(t, got, want)
		})
	}
}

// sourceOf finds the inventory of a case, and the file of the password if it has one.
func sourceOf(t testing.TB, dir string) (source, password string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "hosts*"))
	if err != nil || len(found) == 0 {
		found = []string{filepath.Join(dir, "inventory")}
	}
	password = filepath.Join(dir, "vault-password")
	if _, err := os.Stat(password); err != nil {
		password = ""
	}
	return found[0], password
}

func optionsOf(t testing.TB, password string) Options {
	t.Helper()
	if password == "" {
		return Options{}
	}
	text, err := os.ReadFile(password)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Passwords: map[string]string{vault.DefaultID: strings.TrimSpace(string(text))}}
}

// said is what ansible-inventory prints.
type said struct {
	hosts  map[string]map[string]any
	groups map[string][]string
}

func ansibleSays(t *testing.T, program, source, password string) said {
	t.Helper()
	source, err := filepath.Abs(source)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-i", source, "--list"}
	if password != "" {
		abs, err := filepath.Abs(password)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--vault-password-file", abs)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	settings := filepath.Join(cmd.Dir, "ansible.cfg")
	if err := os.WriteFile(settings, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "ANSIBLE_CONFIG="+settings, "ANSIBLE_INVENTORY_ENABLED=host_list,script,auto,yaml,ini", "HOME="+cmd.Dir, "LC_ALL=C.UTF-8")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	decoder.UseNumber()
	var list map[string]map[string]any
	if err := decoder.Decode(&list); err != nil {
		t.Fatal(err)
	}
	s := said{hosts: map[string]map[string]any{}, groups: map[string][]string{}}
	vars, _ := list["_meta"]["hostvars"].(map[string]any)
	for name, v := range vars {
		s.hosts[name], _ = v.(map[string]any)
	}
	keys := vault.Keys{Passwords: optionsOf(t, password).Passwords}
	for name, v := range s.hosts {
		s.hosts[name], _ = decrypted(t, &keys, v).(map[string]any)
	}
	for name := range list {
		if name != "_meta" {
			s.groups[name] = members(list, name)
		}
	}
	return s
}

// members lists the hosts of a group and of those in it.
func members(list map[string]map[string]any, name string) []string {
	var out []string
	hosts, _ := list[name]["hosts"].([]any)
	for _, h := range hosts {
		text, _ := h.(string)
		out = append(out, text)
	}
	children, _ := list[name]["children"].([]any)
	for _, c := range children {
		text, _ := c.(string)
		out = append(out, members(list, text)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// decrypted puts the text in place of what ansible-inventory prints of an encrypted value.
func decrypted(t *testing.T, keys *vault.Keys, v any) any {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = decrypted(t, keys, v[i])
		}
	case map[string]any:
		if text, ok := v["__ansible_vault"].(string); ok {
			out, err := keys.Decrypt(text)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if text, ok := v["__ansible_unsafe"]; ok {
			return text
		}
		for k := range v {
			v[k] = decrypted(t, keys, v[k])
		}
	}
	return v
}

func compare(t *testing.T, got *inventory.Inventory, want said) {
	t.Helper()
	names := map[string]bool{}
	for _, h := range got.Hosts {
		names[h.Name] = true
		vars := want.hosts[h.Name]
		for name, v := range h.Vars {
			if plain, w := plainJSON(v), plainWant(vars[name]); !reflect.DeepEqual(plain, w) {
				t.Errorf("%s: %s = %#v, Ansible has %#v", h.Name, name, plain, w)
			}
		}
		for name, v := range vars {
			if _, ok := h.Vars[name]; !ok {
				t.Errorf("%s has no %s, Ansible has %#v", h.Name, name, v)
			}
		}
	}
	for _, name := range want.groups[all] {
		if !names[name] {
			t.Errorf("there is no host %s", name)
		}
	}
	groups := map[string]bool{}
	for _, g := range got.Groups {
		hosts := slices.Sorted(slices.Values(g.Hosts))
		groups[g.Name] = true
		if w := want.groups[g.Name]; !slices.Equal(hosts, w) {
			t.Errorf("group %s has %v, Ansible has %v", g.Name, hosts, w)
		}
		for _, h := range got.Hosts {
			if in := slices.Contains(h.Groups, g.Name); in != (slices.Contains(g.Hosts, h.Name) && g.Name != all) {
				t.Errorf("host %s and group %s disagree", h.Name, g.Name)
			}
		}
	}
	for name := range want.groups {
		if !groups[name] {
			t.Errorf("there is no group %s", name)
		}
	}
}

// plainJSON is a value as a decoder of JSON that keeps numbers as they are written gives it.
func plainJSON(v any) any {
	switch v := v.(type) {
	case inventory.Secret:
		return plainJSON(v.Value)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainJSON(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = plainJSON(v[k])
		}
		return out
	case int64:
		return "int " + big.NewInt(v).String()
	case *big.Int:
		return "int " + v.String()
	case float64:
		return "float " + big.NewFloat(v).Text('g', 17)
	}
	return v
}

// plainWant is what plainJSON gives, of the other side.
func plainWant(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainWant(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = plainWant(v[k])
		}
		return out
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			f, _ := v.Float64()
			return plainJSON(f)
		}
		return "int " + v.String()
	}
	return v
}

// TestDynamicAgainstAnsible holds what is made of the output of a program against what Ansible makes of it.
func TestDynamicAgainstAnsible(t *testing.T) {
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		t.Skip("ansible-inventory is missing: it is in Debian's package ansible-core, which make testbed installs")
	}
	outputs, err := filepath.Glob("testdata/dynamic/*.json")
	if err != nil || len(outputs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, output := range outputs {
		t.Run(filepath.Base(output), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			script := filepath.Join(t.TempDir(), "inventory")
			if err := os.WriteFile(script, []byte("#!/bin/sh\ncat <<'END'\n"+string(text)+"\nEND\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			got, diags := Dynamic(&inventory.File{Name: output, Text: string(text)}, Options{})
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			compare(t, got, ansibleSays(t, program, script, ""))
		})
	}
}
