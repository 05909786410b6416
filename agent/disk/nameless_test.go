package disk

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// A file has no name, whether or not its file system can make such files.
func TestNameless(t *testing.T) {
	for name, make := range map[string]func(int) (int, error){
		"as it is": unnamed,
		"cannot":   func(int) (int, error) { return -1, errors.ErrUnsupported },
	} {
		dir := t.TempDir()
		file, err := nameless(dir, make)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		var st unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &st); err != nil || st.Nlink != 0 || st.Mode&0o777 != 0o600 {
			t.Errorf("%s: %d names, mode %o, %v", name, st.Nlink, st.Mode, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v are there, %v", name, left, err)
		}
	}
	why := errors.New("broken")
	if _, err := nameless(t.TempDir(), func(int) (int, error) { return -1, why }); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
}
