package format

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runner/lang/diag"
)

// The files in testdata hold a text and, behind a line of equals signs, its canonical format.
func TestFormat(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal("there are no cases", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			before, want, ok := bytes.Cut(content, []byte("=====\n"))
			if !ok {
				t.Fatal("there is no line of equals signs")
			}
			got, diags := Format(before, "site.hcl")
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			again, _ := Format(got, "site.hcl")
			if !bytes.Equal(again, got) {
				t.Errorf("a second time changes it:\n%s", Diff("site.hcl", got, again))
			}
		})
	}
}

// What has an error stays as it is, and the error has a place.
func TestFormatErrors(t *testing.T) {
	for _, src := range []string{"a = ", "a {", "job \"web\" {\n  x = [1,\n}\n", "a = \"${\"", "=", strings.Repeat("[", 10_000)} {
		got, diags := Format([]byte(src), "site.hcl")
		if !diags.HasErrors() || string(got) != src {
			t.Errorf("%.40q became %.40q: %v", src, got, diags)
			continue
		}
		if d := diags[0]; d.Subject == nil || d.Subject.Filename != "site.hcl" || diag.CodeOf(d) == "" {
			t.Errorf("%.40q: %+v", src, d)
		}
	}
}

func TestFormatLeavesJSONAlone(t *testing.T) {
	for _, src := range []string{`{"a":1}`, `{`, ``} {
		if got, diags := Format([]byte(src), "site.hcl.json"); string(got) != src || diags != nil {
			t.Errorf("%q became %q: %v", src, got, diags)
		}
	}
}

// Line ends of Windows stay; a byte order mark, which HCL ignores, goes.
func TestFormatOtherSystems(t *testing.T) {
	for src, want := range map[string]string{
		"a=1\r\nb  = 2\r\n":                 "a = 1\r\nb = 2\r\n",
		"\xef\xbb\xbfa=1\n":                 "a = 1\n",
		"a=1":                               "a = 1",
		"":                                  "",
		"\n\n":                              "\n\n",
		"a = <<-E\r\n  x\r\n  E\r\nb=1\r\n": "a = <<-E\r\n  x\r\n  E\r\nb = 1\r\n",
	} {
		got, diags := Format([]byte(src), "site.hcl")
		if diags.HasErrors() || string(got) != want {
			t.Errorf("%q became %q, not %q: %v", src, got, want, diags)
		}
	}
}

func TestDiff(t *testing.T) {
	got := Diff("a.hcl", []byte("a=1\nb = 2\n"), []byte("a = 1\nb = 2\n"))
	want := "--- old/a.hcl\n+++ new/a.hcl\n@@ -1,2 +1,2 @@\n-a=1\n+a = 1\n b = 2\n"
	if got != want {
		t.Errorf("got:\n%s", got)
	}
	if same := Diff("a.hcl", []byte("a"), []byte("a")); same != "" {
		t.Errorf("got %q", same)
	}
}

// same tells apart what says something else.
func TestSame(t *testing.T) {
	tests := []struct {
		a, b string
		same bool
	}{
		{"a = x", `a = "${x}"`, true},
		{"a = x", "a   =   x # c", true},
		{"a = x", "a = y", false},
		{"a = 1", "a = 2", false},
		{`a = "1"`, "a = 1", false},
		{`a = "x${y}"`, `a = "x${z}"`, false},
		{"b {}", "b \"c\" {}", false},
		{"b c {}", "b \"c\" {}", true},
		{"b {}\nc {}", "c {}\nb {}", false},
		{"a = [1, 2]", "a = [\n1,\n2\n]", true},
		{"a = [1, 2]", "a = [2, 1]", false},
		{"a = { b = 1 }", "a = { b : 1 }", true},
		{"a = { b = 1 }", "a = { (b) = 1 }", false},
		{"a = f(x...)", "a = f(x)", false},
		{"a = x.y", `a = x["y"]`, false},
		{"a = <<E\nx\nE\n", "a = <<E\n x\nE\n", false},
		{"a = [for x in y : x]", "a = [for x in y : x if x]", false},
	}
	for _, test := range tests {
		a, diags := parse([]byte(test.a), "a")
		b, more := parse([]byte(test.b), "b")
		if diags.HasErrors() || more.HasErrors() {
			t.Fatal(diags, more)
		}
		if got := sameBody(a, b); got != test.same {
			t.Errorf("%q and %q: %v", test.a, test.b, got)
		}
	}
}

// Formatting keeps what a file says, and formatting it again changes nothing.
func FuzzFormat(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(content))
		for part := range strings.SplitSeq(string(content), "\n\n") {
			f.Add(part)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		got, diags := Format([]byte(src), "site.hcl")
		if diags.HasErrors() {
			if string(got) != src {
				t.Errorf("%q has errors and became %q", src, got)
			}
			return
		}
		before, _ := parse([]byte(src), "site.hcl")
		after, diags := parse(got, "site.hcl")
		if diags.HasErrors() || !sameBody(before, after) || !sameComments([]byte(src), got) {
			t.Errorf("%q became %q: %v", src, got, diags)
		}
		if again, _ := Format(got, "site.hcl"); !bytes.Equal(again, got) {
			t.Errorf("%q became %q and then %q", src, got, again)
		}
	})
}
