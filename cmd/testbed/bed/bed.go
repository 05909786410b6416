// Package bed gives tests real things to work on: accounts of this machine with their own sudo rules, a private sshd,
// containers. Whatever a test takes from its bed is removed when the test ends, and before that the bed looks for what
// the code under test has left behind: processes, terminals, temporary files. Package main beside it installs the
// programs that a bed needs (make testbed). Nothing but tests and benchmarks imports it.
package bed

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bed is what one test works on. Make it before anything that it watches over, so that it is the last to be cleaned up.
type Bed struct {
	t         testing.TB
	dir       string // world-readable: sshd and its sessions read keys from it
	accounts  []*Account
	servers   []*Server
	boxes     []*Box
	tolerated map[int]bool // processes that may be left
}

// New skips the test unless all needs are met (see Need), and returns an empty bed that checks for leaks at the end.
func New(t testing.TB, needs ...string) *Bed {
	t.Helper()
	Need(t, needs...)
	// Not the test's own temporary directory: other users may not enter that one.
	dir, err := os.MkdirTemp("", "runner-bed-") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("cannot make a directory for the test bed: %v", err)
	}
	b := &Bed{t: t, dir: dir, tolerated: map[int]bool{}}
	t.Cleanup(b.remove)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatalf("cannot open the test bed to other users: %v", err)
	}
	return b
}

// remove takes down all that belongs to the bed. What runs there is looked for before it is killed, and before a test
// of another package can get the same user number.
func (b *Bed) remove() {
	b.CheckLeaks()
	for _, box := range b.boxes {
		b.docker("rm", "--force", "--volumes", box.Name)
	}
	for _, a := range b.accounts {
		b.removeAccount(a)
	}
	if err := os.RemoveAll(b.dir); err != nil {
		b.t.Errorf("cannot remove the test bed: %v", err)
	}
}

// Dir is a directory that every user of the machine may read. It goes with the bed.
func (b *Bed) Dir() string { return b.dir }

// path names a file of the bed.
func (b *Bed) path(name ...string) string {
	return filepath.Join(append([]string{b.dir}, name...)...)
}

// unique returns a name that nothing else on the machine has: a login name, a container name, a part of a file name.
func unique() string {
	return "rt" + strings.ToLower(rand.Text()[:10])
}
