package lang_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	actions "runner/agent/action/catalog"
	"runner/lang"
	"runner/lang/format"
	hops "runner/transports/catalog"
)

// TestFormattedSites loads all valid sites and examples as they are, formatted, and formatted after their layout was
// destroyed: they say the same. Formatting twice is formatting once, and no comment is lost.
func TestFormattedSites(t *testing.T) {
	genuine := lang.Options{Catalog: lang.Catalog{Actions: actions.Schemas(), Transports: hops.Schemas()}, Version: "1.2.3"}
	for _, corpus := range []struct {
		root    string
		options lang.Options
	}{{"testdata/valid", options()}, {"../examples", genuine}} {
		formatted := rewritten(t, corpus.root, func(src []byte) []byte { return src })
		settled := rewritten(t, corpus.root, disorder)
		for _, path := range sites(t, corpus.root) {
			t.Run(filepath.Base(path), func(t *testing.T) {
				want := dump(t, load(t, path, corpus.options))
				for _, root := range []string{formatted, settled} {
					copied := filepath.Join(root, filepath.Base(path))
					if got := dump(t, load(t, copied, corpus.options)); got != want {
						t.Errorf("says something else:\n%s", format.Diff(path, []byte(want), []byte(got)))
					}
				}
			})
		}
	}
}

// rewritten copies a tree, with the roles beside it, and formats its files after they were changed.
func rewritten(t *testing.T, root string, change func([]byte) []byte) string {
	t.Helper()
	to := t.TempDir()
	for _, dir := range []string{root, filepath.Join(root, "..", "roles")} {
		err := os.CopyFS(filepath.Join(to, filepath.Base(dir)), os.DirFS(dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".hcl") || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		changed := change(src)
		once, diags := format.Format(changed, path)
		if diags.HasErrors() {
			t.Errorf("%s: %v\n%s", path, diags, changed)
		}
		if again, _ := format.Format(once, path); !bytes.Equal(again, once) {
			t.Errorf("%s is formatted twice:\n%s", path, format.Diff(path, once, again))
		}
		if before, after := commentsOf(src), commentsOf(once); !slices.Equal(before, after) {
			t.Errorf("%s has the comments %q, not %q", path, after, before)
		}
		return os.WriteFile(path, once, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(to, filepath.Base(root))
}

// disorder takes the indentation out of a file and puts three blanks wherever there are some.
func disorder(src []byte) []byte {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	var out []byte
	end := 0
	for i, token := range tokens {
		blank := token.Range.Start.Byte > end
		first := i == 0 || bytes.HasSuffix(tokens[i-1].Bytes, []byte("\n"))
		if blank && !first {
			out = append(out, "   "...)
		}
		out = append(out, token.Bytes...)
		end = token.Range.End.Byte
	}
	return out
}

// commentsOf are the comments of a file, sorted.
func commentsOf(src []byte) []string {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	var out []string
	for _, token := range tokens {
		if token.Type == hclsyntax.TokenComment {
			out = append(out, strings.TrimSpace(string(token.Bytes)))
		}
	}
	slices.Sort(out)
	return out
}
