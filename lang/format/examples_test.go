package format

import (
	"os"
	"path/filepath"
	"testing"
)

// The examples are in the canonical format.
func TestExamples(t *testing.T) {
	names, err := filepath.Glob("../../examples/*/*.hcl")
	if err != nil || len(names) < 2 {
		t.Fatal("there are no examples", err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, diags := Format(content, name)
		if diags.HasErrors() {
			t.Error(diags)
		}
		if diff := Diff(name, content, got); diff != "" {
			t.Error(diff)
		}
	}
}
