package formatting

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A formatted file is whose it was, with all of its mode.
func TestReplaceKeepsOwnerAndMode(t *testing.T) {
	name := filepath.Join(t.TempDir(), "site.hcl")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	owner, group := os.Getuid(), os.Getgid()
	if owner == 0 {
		owner, group = 65534, 65534
	}
	if err := os.Chown(name, owner, group); err != nil {
		t.Fatal(err)
	}
	mode := os.FileMode(0o664) | os.ModeSetgid
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	if err := replace(name, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if info.Mode() != mode || int(st.Uid) != owner || int(st.Gid) != group {
		t.Errorf("it is %v, of %d:%d; want %v, of %d:%d", info.Mode(), st.Uid, st.Gid, mode, owner, group)
	}
}
