package sshconfig

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/source"
)

func read(t testing.TB, files map[string]string) (*inventory.Inventory, string) {
	t.Helper()
	home := t.TempDir()
	for name, text := range files {
		path := filepath.Join(home, ".ssh", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, diags := Read(source.Disk{}, filepath.Join(home, ".ssh", "config"), "/the/.ssh/config", home)
	said := ""
	for _, d := range diags {
		said += string(diag.CodeOf(d)) + " " + d.Detail + "\n"
	}
	return out, said
}

func TestRead(t *testing.T) {
	out, said := read(t, map[string]string{
		"config":        "# mine\nInclude conf.d/*\nHost web1 web2 *.example.com\n  HostName 10.0.0.1\nHost=\"db one\" !bad web? web1\nMatch host x\n  User y\nHost *\n  User deploy\n",
		"conf.d/a.conf": "host alpha # a comment\n",
		"conf.d/b.conf": "Include more\nHost beta\n",
		"more":          "Host gamma\n",
	})
	if said != "" {
		t.Fatal(said)
	}
	var names []string
	for _, h := range out.Hosts {
		names = append(names, h.Name)
		config, _ := h.Connection.Hop.Options["config"].(string)
		if h.Connection.Address != h.Name || h.Connection.Hop.Transport != "ssh" || config != "/the/.ssh/config" || h.Range.Start.Line == 0 {
			t.Errorf("%+v", h)
		}
	}
	if want := []string{"alpha", "gamma", "beta", "web1", "web2", "db one"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

func TestErrors(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"unreadable There is no file":            {"other": ""},
		"syntax This line cannot be taken apart": {"config": "Host \"a\n"},
		"syntax This is no pattern":              {"config": "Include [\n"},
		"too_deep More than 16":                  {"config": "Include config\n"},
		"too_large The configuration has more": {"config": "Host a" + func() string {
			var b strings.Builder
			for i := range inventory.MaxHosts + 1 {
				b.WriteString(" h")
				b.WriteString(strings.Repeat("x", i%7))
				b.WriteString(string(rune('a' + i%26)))
				b.WriteString(string(rune('a' + i/26%26)))
				b.WriteString(string(rune('a' + i/676%26)))
				b.WriteString(string(rune('a' + i/17576%26)))
			}
			return b.String()
		}()},
	} {
		if _, said := read(t, files); !strings.HasPrefix(said, want) {
			t.Errorf("%s: %s", want, said)
		}
	}
}

// FuzzRead reads anything.
func FuzzRead(f *testing.F) {
	f.Add("Host a \"b c\" !d *\nHost=e\\ f # g\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			t.Skip("reads what happens to be there")
		}
		path := filepath.Join(dir, "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, diags := Read(source.Disk{}, path, path, dir)
		if (out == nil) != diags.HasErrors() {
			t.Fatal(diags)
		}
	})
}
