package document

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"runner/lang/diag"
	"runner/lang/inventory"
)

func parse(t testing.TB, text string) (*Document, *hcl.Diagnostic) {
	t.Helper()
	doc, d := Parse(&inventory.File{Name: "x", Text: text})
	if doc != nil {
		doc.Values = new(int)
		doc.Decrypt = func(text string, _ inventory.Place) (string, *hcl.Diagnostic) { return "decrypted " + text, nil }
	}
	return doc, d
}

// TestPlaces: places are where the texts stand, in JSON and in YAML.
func TestPlaces(t *testing.T) {
	for _, text := range []string{
		"{\n  \"a\": {\"b \\\" c\": [12, \"text\",\n true]},\n \"ä\": null}",
		"a:\n  \"b c\":\n    - 12\n    - 'text'\nä: {x: ~, y: *no}\n"[:44] + "}\n",
	} {
		doc, d := parse(t, text)
		if d != nil {
			t.Fatalf("%s: %v", text, d)
		}
		var walk func(n *yaml.Node)
		walk = func(n *yaml.Node) {
			p := doc.At(n)
			written := text[p.Start:p.End]
			if n.Kind == yaml.ScalarNode && !strings.Contains(n.Value, `"`) && strings.Trim(written, `"'`) != n.Value {
				t.Errorf("%q stands at %q", n.Value, written)
			}
			if r := p.Range(); r.Start.Line != n.Line || r.Start.Byte != p.Start {
				t.Errorf("%q: %v", n.Value, r)
			}
			for _, inner := range n.Content {
				walk(inner)
			}
		}
		walk(doc.Root)
	}
}

// TestValues: values of YAML are those of YAML 1.1, those of JSON those of JSON.
func TestValues(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1e3, "b": 0.5, "c": 12, "d": "yes", "a": 2}`:             `{"a":2,"b":0.5,"c":12,"d":"yes"}`,
		`{"__ansible_vault": "x"}`:                                      `{"Value":"decrypted x"}`,
		"a: 1e3\nb: yes\nc: 0o7\nd: 010\ne: 1:30\nf: 1.5\n":             `{"a":"1e3","b":true,"c":"0o7","d":8,"e":90,"f":1.5}`,
		"a: !vault x\nb: !unsafe '{{ y }}'\nc: !!str 5\nd: !!int '7'\n": `{"a":{"Value":"decrypted x"},"b":"{{ y }}","c":"5","d":7}`,
		"x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: [*x, *x]\n":          `{"x":{"a":1,"b":2},"y":{"a":1,"b":3},"z":[{"a":1,"b":2},{"a":1,"b":2}]}`,
		"1: a\ntrue: b\n~: c\n":                                         `{"1":"a","null":"c","true":"b"}`,
		"a: .inf\nb: .nan\nc: 2020-01-01\n":                             `{"a":".inf","b":".nan","c":"2020-01-01"}`,
	} {
		doc, d := parse(t, text)
		if d != nil {
			t.Fatalf("%s: %v", text, d)
		}
		v, d := doc.Value(doc.Root)
		got, err := json.Marshal(v)
		if d != nil || err != nil || string(got) != want {
			t.Errorf("%s is %s, not %s (%v %v)", text, got, want, d, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{\n\"a\" 1}":               "syntax 1",
		"a:\n- b\n c: [":            "syntax",
		"a: b\n---\nc: d\n":         "syntax 2",
		"? [a]\n: b\n":              "syntax 1",
		"a: !foo b\n":               "not_supported 1",
		"a:\n  <<: 5\n":             "syntax 2",
		"a:\n !vault x: y\n":        "inventory 2",
		strings.Repeat("[", 1000):   "too_deep 1",
		strings.Repeat("- ", 1000):  "too_deep 1",
		strings.Repeat("a: 1\n", 1): "",
	} {
		doc, d := parse(t, text)
		if d == nil {
			_, d = doc.Value(doc.Root)
		}
		got := ""
		if d != nil {
			got = fmt.Sprintf("%s %d", diag.CodeOf(d), d.Subject.Start.Line)
		}
		if !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("%.20q: %s, not %s: %v", text, got, want, d)
		}
	}
}
