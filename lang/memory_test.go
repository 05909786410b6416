package lang

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

	actions "runner/agent/action/catalog"
	"runner/lang/source"
	"runner/transports/catalog"
)

func testCatalog() Catalog {
	return Catalog{Actions: actions.Schemas(), Transports: catalog.Schemas()}
}

// kept are files that somebody has kept of a disk.
type kept struct{ fs fstest.MapFS }

func (k kept) name(name string) string { return strings.TrimPrefix(filepath.Join("/site", name), "/") }

func (k kept) Open(name string) (fs.File, error)          { return k.fs.Open(k.rooted(name)) }
func (k kept) Stat(name string) (fs.FileInfo, error)      { return k.fs.Stat(k.rooted(name)) }
func (k kept) ReadDir(name string) ([]fs.DirEntry, error) { return k.fs.ReadDir(k.rooted(name)) }
func (k kept) rooted(name string) string {
	if filepath.IsAbs(name) {
		return strings.TrimPrefix(name, "/")
	}
	return k.name(name)
}

var _ source.Files = kept{}

// TestMemory: a site that is loaded again with what it remembers is what it was, whatever the surroundings say now, and
// what is sensitive is known to be so.
func TestMemory(t *testing.T) {
	const site = `
variable "release" { type = string }
variable "sizes" {
  type    = list(number)
  default = [1, 2]
}
variable "password" {
  sensitive = true
  default   = "hunter2-default"
}
variable "unset" {
  sensitive = true
  default   = null
}
locals { pin = sensitive("pin-1234") }
host "h" {
  hop "local" {}
}
job "j" {
  hosts = host.h
  task "file" "a" {
    path    = "/tmp/a"
    content = "${var.release} ${env("COLOR", "none")} ${env("MISSING", "-")} ${timestamp()} ${uuid()} ${file("x.txt")} ${var.sizes[1]} ${bcrypt("plain", 4)}"
  }
  task "file" "b" {
    path    = "/tmp/b"
    content = "${var.password} ${local.pin} ${env("TOKEN")}"
  }
}
`
	files := kept{fstest.MapFS{"site/site.hcl": {Data: []byte(site)}, "site/x.txt": {Data: []byte("x")}}}
	load := func(o Options) *Site {
		t.Helper()
		o.Catalog, o.Files, o.Dir = testCatalog(), files, "/site"
		s, texts, diags := Load("site.hcl", o)
		if diags.HasErrors() {
			t.Fatalf("%v %d", diags, len(texts))
		}
		return s
	}
	content := func(s *Site, task int) string {
		t.Helper()
		instances, diags := s.Expand(s.Jobs[0].Tasks[task], s.Hosts[0], nothing{})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		text, _ := instances[0].Args["content"].(string)
		return text
	}
	first := load(Options{
		Remember: true, Environ: []string{"COLOR=red", "TOKEN=tok-hunter2-default", "RUNNER_VAR_release=1"},
		Vars: []VarInput{{Name: "sizes", Value: "[3, 4]"}},
	})
	a, b := content(first, 0), content(first, 1)
	m := first.Memory()
	if !slices.Equal(m.Sensitive, []string{"password"}) || len(m.Defaults) != 2 || site[m.Defaults[0].Start.Byte:m.Defaults[0].End.Byte] != `"hunter2-default"` {
		t.Errorf("sensitive: %v at %v", m.Sensitive, m.Defaults)
	}
	for text, want := range map[string]bool{
		"hunter2-default": true, "pin-1234": true, "my pin-1234.": true, "tok-hunter2-default": true, "red": false, "": false,
	} {
		if m.Secret(text) != want {
			t.Errorf("%q is secret: %t", text, !want)
		}
	}
	if !m.SecretIn([]byte(site), Shortest) || m.SecretIn([]byte("nothing"), Shortest) {
		t.Error("the site holds its own secrets")
	}
	delete(m.Variables, "password")
	again := load(Options{Memory: m, Environ: []string{"COLOR=blue", "RUNNER_VAR_release=2"}, Vars: []VarInput{{Name: "password", Value: "hunter2-default"}}})
	if got := content(again, 0); got != a {
		t.Errorf("it was %q and is %q", a, got)
	}
	if got := content(again, 1); got != b {
		t.Errorf("it was %q and is %q", b, got)
	}

	// What is withheld has to be given again: a default does not count.
	_, _, diags := Load("site.hcl", Options{Catalog: testCatalog(), Files: files, Dir: "/site", Memory: m})
	if !slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool { return strings.Contains(d.Detail, `"password"`) }) {
		t.Errorf("without the password: %v", diags)
	}
}

// TestSecretIn finds secrets as files write them.
func TestSecretIn(t *testing.T) {
	for _, test := range []struct {
		secret, content string
		want            bool
	}{
		{"hunter2", `password = "hunter2"`, true},
		{`hun"ter\2`, `password = "hun\"ter\\2"`, true},
		{"${hunter}2", `password = "$${hunter}2"`, true},
		{"two\nlines", `{"a": "two\nlines"}`, true},
		{"first line\nsecond line\n", "a = <<-EOT\n    first line\n    second line\n  EOT\n", true},
		{"p<w>&x", "{\"a\": \"p\\u003cw\\u003e\\u0026x\"}", true},
		{"gr\u00fcn-1234", `{"a": "gr\u00fcn-1234"}`, true},
		{"a/b/c/d", `{"a": "a\/b\/c\/d"}`, true},
		{"it's me", "a: 'it''s me'", true},
		{"hunter2\n", "hunter2", true},
		{"abc", `a = "abc"`, false}, // too short to be told from other words
		{"", "", false},
		{"hunter2", `password = "hunter"`, false},
	} {
		m := &Memory{secrets: map[string]bool{test.secret: true}}
		if got := m.SecretIn([]byte(test.content), Shortest); got != test.want {
			t.Errorf("%q in %q: %t", test.secret, test.content, got)
		}
	}
}
