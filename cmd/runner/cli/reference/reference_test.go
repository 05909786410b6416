package reference_test

import (
	"strings"
	"testing"

	"runner/cmd/runner/cli/reference"
)

// Of everything there is a text, and it names what is needed first.
func TestOf(t *testing.T) {
	for _, kind := range reference.Kinds() {
		all := reference.Of(kind)
		if len(all) == 0 {
			t.Errorf("there is nothing of the kind %q", kind)
		}
		for name, text := range all {
			if !strings.HasSuffix(text, "\n") || strings.Contains(text, "`") {
				t.Errorf("%s %s: %q", kind, name, text)
			}
		}
	}
	file := reference.Of("action")["file"]
	path, backup := strings.Index(file, "path (path, required)"), strings.Index(file, "backup (")
	if path < 0 || backup < path {
		t.Errorf("path does not stand in front of backup:\n%s", file)
	}
	if reference.Of("plan") != nil {
		t.Error("there is a kind that is none")
	}
}
