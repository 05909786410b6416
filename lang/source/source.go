// Package source is where the language reads files from: the disk, or what somebody has kept of it, such as a plan file.
// Whoever reads on behalf of a site, lang, lang/syntax, lang/function and lang/inventory, reads through it.
package source

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Files are the files of the controller. Names are paths, absolute or relative to the working directory. Errors are those
// of package os.
type Files interface {
	// Open opens a file for reading. It does not wait for whoever is at the other end of a pipe.
	Open(name string) (fs.File, error)
	Stat(name string) (fs.FileInfo, error)
	// ReadDir returns the entries of a directory in the order of their names.
	ReadDir(name string) ([]fs.DirEntry, error)
}

// Keeper are Files that keep what is read for later, and have to be told of what will only be read then.
type Keeper interface{ Keep(name string) }

// Knower are Files that want to know the digests of files, of whoever knows them, so that they need not be read for that.
type Knower interface {
	Know(name string, digest [sha256.Size]byte)
}

// Disk are the files as they are.
type Disk struct{}

// Open implements Files.
func (Disk) Open(name string) (fs.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:wrapcheck // as package os
}

// Stat implements Files.
func (Disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// ReadDir implements Files.
func (Disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// Read reads a file of at most so many bytes; of a larger one it returns one byte more.
func Read(files Files, name string, most int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	return content, errors.Join(err, f.Close())
}

// Within is a path from a directory, unless it is absolute.
func Within(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// Glob returns the names that match a pattern of package filepath.
func Glob(files Files, pattern string) ([]string, error) {
	root := "."
	if filepath.IsAbs(pattern) {
		root, pattern = "/", strings.TrimLeft(pattern, "/")
	}
	names, err := fs.Glob(Below{files, root}, path.Clean(pattern))
	for i := range names {
		names[i] = filepath.Join(root, names[i])
	}
	return names, err
}

// Below are the files in a directory, as a file system of package fs.
type Below struct {
	Files Files
	Dir   string
}

// Open implements fs.FS.
func (b Below) Open(name string) (fs.File, error) { return b.Files.Open(filepath.Join(b.Dir, name)) }

// Stat implements fs.StatFS.
func (b Below) Stat(name string) (fs.FileInfo, error) {
	return b.Files.Stat(filepath.Join(b.Dir, name))
}

// ReadDir implements fs.ReadDirFS.
func (b Below) ReadDir(name string) ([]fs.DirEntry, error) {
	return b.Files.ReadDir(filepath.Join(b.Dir, name))
}
