package disk

import "golang.org/x/sys/unix"

// renameNew renames and never replaces.
func renameNew(dir int, from, to string) error {
	return unix.RenameatxNp(dir, from, dir, to, unix.RENAME_EXCL)
}
