package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"runner/lang"
)

// TestWords loads sites that say in comments what is said of their lines, word for word. Where a message goes on behind
// an empty line, only what stands before it is compared. It covers G37.
func TestWords(t *testing.T) {
	comment := regexp.MustCompile(`# says: (.*)$`)
	for _, path := range sites(t, "testdata/words") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			for i, line := range strings.Split(string(source), "\n") {
				if m := comment.FindStringSubmatch(line); m != nil {
					for text := range strings.SplitSeq(m[1], " # says: ") {
						want = append(want, fmt.Sprintf("line %d: %s", i+1, text))
					}
				}
			}
			_, _, diags := lang.Load(path, options())
			for _, d := range diags {
				text, _, _ := strings.Cut(d.Detail, "\n")
				line := 0
				if d.Subject != nil {
					line = d.Subject.Start.Line
				}
				got = append(got, fmt.Sprintf("line %d: %s", line, text))
			}
			slices.Sort(want)
			slices.Sort(got)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
}
