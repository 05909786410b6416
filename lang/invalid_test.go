package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
	"runner/lang/diag"
)

// TestInvalidSites loads sites that say in comments which errors and warnings they have, and on which lines. There
// must be these and no others: an error causes no further ones, and none hides another. It covers G37.
func TestInvalidSites(t *testing.T) {
	for _, path := range sites(t, "testdata/invalid") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			site, files, diags := lang.Load(path, options())
			var got []string
			for _, d := range diags {
				got = append(got, fmt.Sprintf("%s:%d: %s: %s", filepath.Base(d.Subject.Filename), d.Subject.Start.Line, severity(d), diag.CodeOf(d)))
				if d.Summary == "" || !strings.HasSuffix(strings.TrimSpace(d.Detail), ".") && !strings.HasSuffix(d.Detail, "?") && !strings.HasSuffix(d.Detail, ")") {
					t.Errorf("no sentence: %s; %s", d.Summary, d.Detail)
				}
			}
			want := expected(t, path)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				var text strings.Builder
				_ = diag.Printer{Files: files}.Print(&text, diags)
				t.Errorf("got\n  %s\nwant\n  %s\n%s", strings.Join(got, "\n  "), strings.Join(want, "\n  "), text.String())
			}
			if diags.HasErrors() != (site == nil) {
				t.Errorf("errors: %v, site: %v", diags.HasErrors(), site != nil)
			}
		})
	}
}

func options() lang.Options {
	return lang.Options{Catalog: catalog(), Version: "1.2.3"}
}

// sites are the files and directories in a directory, but for golden files.
func sites(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() || strings.Contains(e.Name(), ".hcl") {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	if len(out) == 0 {
		t.Fatal("no sites")
	}
	return out
}

func severity(d *hcl.Diagnostic) string {
	if d.Severity == hcl.DiagWarning {
		return "warning"
	}
	return "error"
}

// expected reads the comments of a site's files, sorted.
func expected(t *testing.T, path string) []string {
	t.Helper()
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(path, "*"))
		roles, _ := filepath.Glob(filepath.Join(path, "*", "*"))
		files = slices.DeleteFunc(append(files, roles...), func(f string) bool {
			info, err := os.Stat(f)
			return err == nil && info.IsDir()
		})
	}
	comment := regexp.MustCompile(`(?:#|<!--) (error|warning): (\w+)`)
	var out []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, m := range comment.FindAllStringSubmatch(line, -1) {
				out = append(out, fmt.Sprintf("%s:%d: %s: %s", filepath.Base(file), i+1, m[1], m[2]))
			}
		}
	}
	slices.Sort(out)
	return out
}
