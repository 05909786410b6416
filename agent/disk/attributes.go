package disk

import (
	"bytes"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// copyAttributes gives a file the extended attributes of another one, ACL and label among them, and no other ACL.
func copyAttributes(from, to *os.File) error {
	names, err := attributes(from)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	if err != nil {
		return failed("read the attributes of", from.Name(), err)
	}
	own, err := attributes(to)
	if err != nil {
		return failed("read the attributes of", to.Name(), err)
	}
	const acl = "system.posix_acl_access"
	if own[acl] && !names[acl] { // inherited from the directory
		if err := unix.Fremovexattr(int(to.Fd()), acl); err != nil {
			return failed("remove the ACL of", to.Name(), err)
		}
	}
	for name := range names {
		if name == "security.ima" || name == "security.evm" { // signatures of the old content
			continue
		}
		value, err := attribute(from, name)
		if err != nil {
			return failed("read the attribute "+name+" of", from.Name(), err)
		}
		if now, err := attribute(to, name); err == nil && bytes.Equal(now, value) {
			continue
		}
		if err := unix.Fsetxattr(int(to.Fd()), name, value, 0); err != nil {
			return failed("keep the attribute "+name+" of", from.Name(), err)
		}
	}
	return nil
}

func attributes(f *os.File) (map[string]bool, error) {
	list, err := sized(func(b []byte) (int, error) { return unix.Flistxattr(int(f.Fd()), b) })
	out := map[string]bool{}
	for name := range strings.SplitSeq(string(list), "\x00") {
		if name != "" {
			out[name] = true
		}
	}
	return out, err
}

func attribute(f *os.File, name string) ([]byte, error) {
	return sized(func(b []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), name, b) })
}

// sized asks a call for the size of what it gives and then for that, again as long as it grows meanwhile.
func sized(call func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := call(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		buf := make([]byte, n)
		n, err = call(buf)
		if !errors.Is(err, unix.ERANGE) {
			return buf[:max(n, 0)], err
		}
	}
}
