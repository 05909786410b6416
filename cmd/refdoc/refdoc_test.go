package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"runner/cmd/refdoc/page"
	"runner/lang/diag"
	"runner/lang/format"
)

const language = "../../docs/language"

// The generated pages are what the sources say now.
func TestPagesAreFresh(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range all {
		got, err := os.ReadFile(filepath.Join(language, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is stale; run: go generate ./cmd/refdoc\n%s", name, format.Diff(name, got, []byte(want)))
		}
	}
}

// examples finds all fenced blocks of the pages; what they are is their second word: site, hop, job, task, error or shown.
func examples(t *testing.T) []page.Block {
	t.Helper()
	names, err := filepath.Glob(language + "/*.md")
	if err != nil || len(names) < 9 {
		t.Fatalf("only %d pages: %v", len(names), err)
	}
	var out []page.Block
	for _, name := range append(names, "../../README.md") {
		blocks, err := page.Read(name)
		if err != nil {
			t.Error(err)
		}
		out = append(out, blocks...)
	}
	return out
}

// around completes what is only a part of a site.
func around(kind, text string) string {
	switch kind {
	case "hop":
		text = "host \"example\" {\n  address = \"example.net\"\n" + text + "}\n"
	case "job", "task":
		text = "job \"example\" {\n  hosts = [host.localhost]\n" + text + "}\n"
	default:
		return text
	}
	for _, name := range regexp.MustCompile(`\bvar\.(\w+)`).FindAllStringSubmatch(text, -1) {
		text += fmt.Sprintf("variable %q { default = null }\n", name[1])
	}
	return text
}

// loadText loads a text as a site of one file, with others beside it.
func loadText(t *testing.T, name, text string, beside map[string]string) (map[string]*hcl.File, hcl.Diagnostics) {
	t.Helper()
	t.Chdir(t.TempDir())
	for file, content := range beside {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, files, diags := load(name)
	return files, diags
}

// G40: every example of the language reference is valid, or has the error that it is said to have, and what is shown of
// it is what people see. Examples in the canonical format are what people learn from.
func TestG40Examples(t *testing.T) {
	all := examples(t)
	var last string               // what the last example with an error shows
	beside := map[string]string{} // files that the sites of the reference use
	for _, e := range all {
		t.Run(strings.NewReplacer(" ", "-").Replace(e.Place()), func(t *testing.T) {
			if len(e.Info) < 2 {
				t.Fatalf("has no marker: %q", e.Info)
			}
			name := "site.hcl"
			if e.Info[0] == "json" {
				name = "site.hcl.json"
			}
			switch kind := e.Info[1]; kind {
			case "beside":
				beside[e.Info[2]] = e.Text
			case "site", "hop", "job", "task":
				text := around(kind, e.Text)
				if files, diags := loadText(t, name, text, beside); len(diags) > 0 {
					t.Error(shown(files, diags))
				}
			case "error":
				text, diags, err := report([]byte(e.Text))
				if err != nil {
					t.Fatal(err)
				}
				last = text
				if !diags.HasErrors() || slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool { return string(diag.CodeOf(d)) != e.Info[2] }) {
					t.Errorf("the error is not %s:\n%s", e.Info[2], last)
				}
			case "file":
				content, err := os.ReadFile(filepath.Join("../../lang/function/testdata/files", e.Info[2]))
				if err != nil || string(content) != e.Text {
					t.Errorf("is not what the tests of the functions read: %q %v", content, err)
				}
				return
			case "shown":
				if strings.TrimSpace(e.Text) != strings.TrimSpace(last) {
					t.Errorf("shows:\n%s\nnot:\n%s", last, e.Text)
				}
				return
			case "layout", "description", "request", "answer":
				return // see TestG40OwnActions
			default:
				t.Fatalf("has the marker %q, which is none", e.Info)
			}
			if formatted, _ := format.Format([]byte(e.Text), name); string(formatted) != e.Text {
				t.Error(format.Diff("example", []byte(e.Text), formatted))
			}
		})
	}
	if len(all) < 15 {
		t.Errorf("only %d examples", len(all))
	}
}

// G40: the sites of the guide are valid and in the canonical format. What they do is compared with what their playbooks do
// by a test beside the examples, which needs Ansible.
func TestG40Guide(t *testing.T) {
	blocks, err := page.Read("../../docs/ansible.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if b.Info[0] != "hcl" {
			continue
		}
		if formatted, _ := format.Format([]byte(b.Text), b.Info[1]); string(formatted) != b.Text {
			t.Errorf("%s:\n%s", b.Place(), format.Diff(b.Info[1], []byte(b.Text), formatted))
		}
	}
	samples, err := page.Samples(blocks, "site.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) < 10 {
		t.Errorf("only %d samples", len(samples))
	}
	for _, s := range samples {
		t.Run(strings.ReplaceAll(s.Name, " ", "-"), func(t *testing.T) {
			dir := t.TempDir()
			if err := s.Write(dir); err != nil {
				t.Fatal(err)
			}
			_, files, diags := load(dir)
			if len(diags) > 0 {
				t.Error(shown(files, diags))
			}
		})
	}
}

// The examples that are directories are valid too.
func TestExampleSites(t *testing.T) {
	for _, name := range []string{"quickstart", "chain", "own-actions"} {
		_, files, diags := load(filepath.Join("../../examples", name))
		if len(diags) > 0 {
			t.Errorf("%s:\n%s", name, shown(files, diags))
		}
	}
}

// Links between the pages lead somewhere.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([\w./-]+)?(#[\w-]+)?\)`)
	names, err := filepath.Glob(language + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "../../docs/ansible.md", "../../docs/cli.md", "../../README.md") {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(content), -1) {
			to := name
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(name), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			} else if m[2] != "" && !slices.Contains(anchors(t, to), m[2]) {
				t.Errorf("%s links to %s%s, which is not there", name, m[1], m[2])
			}
		}
	}
}

// anchors are what links into a page can name: its headings.
func anchors(t *testing.T, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(content)) {
		if title := strings.TrimLeft(line, "#"); title != line {
			out = append(out, "#"+strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-"))
		}
	}
	return out
}
