package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
)

// Scratch has no name, leaves most of the room to others, and is kept in memory where it is small and no directory will do.
func TestScratch(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none")
	file, err := disk.Scratch(1<<20, none, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if st, err := file.Stat(); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v are there: %v", left, err)
	}
	var room unix.Statfs_t
	if err := unix.Statfs(dir, &room); err != nil {
		t.Fatal(err)
	}
	half := int64(room.Bavail) * int64(room.Bsize) / 2
	if _, err := disk.Scratch(half, dir); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("half of the room: %v", err)
	}
	small, err := disk.Scratch(1<<20, none)
	if runtime.GOOS != "linux" {
		if !errors.Is(err, unix.ENOENT) {
			t.Errorf("no directory: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = small.Close()
	if _, err := disk.Scratch(17<<20, "/dev/shm"); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a lot in a file system that is memory: %v", err)
	}
	if _, err := disk.Scratch(1<<30, none); !errors.Is(err, unix.ENOENT) {
		t.Errorf("a lot, and no directory: %v", err)
	}
}
