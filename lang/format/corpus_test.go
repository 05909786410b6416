package format

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// All sites of the repository keep what they say, by what formatting does and not because its last check held it back.
func TestCorpus(t *testing.T) {
	files := 0
	for _, root := range []string{"../testdata", "../../examples"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".hcl") {
				return err
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			before, diags := parse(src, path)
			if diags.HasErrors() {
				return nil // on purpose
			}
			files++
			formatted := settle(simplify(src, path))
			after, diags := parse(formatted, path)
			if diags.HasErrors() || !sameBody(before, after) || !sameComments(src, formatted) {
				t.Errorf("%s says something else:\n%s", path, Diff(path, src, formatted))
			}
			if got, diags := Format(src, path); diags.HasErrors() || !bytes.Equal(got, formatted) {
				t.Errorf("%s was held back: %v", path, diags)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 20 {
		t.Errorf("there are only %d files", files)
	}
}
