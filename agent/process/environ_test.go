package process

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestG25EnvironmentFollowsTheFiles: what tasks change in /etc/environment counts for later ones; what the session has
// otherwise stays.
func TestG25EnvironmentFollowsTheFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "environment")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("PATH=/from/the/file\nKEPT=old\nGONE=soon\nOVER=file\n")
	start := []string{"PATH=/secure", "KEPT=old", "GONE=soon", "OVER=session", "HOME=/root", "=odd"}
	tb := &Table{base: newAccounts([]string{file, filepath.Join(t.TempDir(), "missing")}, start)}
	if got, want := tb.Environ(nil), []string{"GONE=soon", "HOME=/root", "KEPT=old", "OVER=session", "PATH=/secure"}; !slices.Equal(got, want) {
		t.Errorf("at first %q, want %q", got, want)
	}
	write("# a comment\nPATH=/from/the/file\nexport KEPT=\"new value\" # changed\nNEW='it is'\n\nno line\nBAD NAME=x\n")
	got := tb.Environ(map[string]string{"NEW": "task", "MINE": "1"})
	want := []string{"HOME=/root", `KEPT=new value`, "MINE=1", "NEW=task", "OVER=session", "PATH=/secure"}
	if !slices.Equal(got, want) {
		t.Errorf("then %q, want %q", got, want)
	}
}
