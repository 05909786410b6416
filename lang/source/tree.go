package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// Linker are Files that can say what a link says.
type Linker interface {
	Readlink(name string) (string, error)
}

// Readlink implements Linker.
func (Disk) Readlink(name string) (string, error) { return os.Readlink(name) }

// Found is something in a tree.
type Found struct {
	Name   string      // of it among the files of the controller
	Path   string      // of it below the tree's root, with slashes; "" for the root
	Info   fs.FileInfo // nil of a link that is kept
	Target string      // of such a link
}

// The ways to go about links in a tree.
const (
	KeepLinks   = "keep"
	FollowLinks = "follow"
	SkipLinks   = "skip"
)

// Tree is a directory with everything in it that counts, or a single file.
type Tree struct {
	Root     string
	Links    string                             // "": KeepLinks
	Excludes func(path string, isDir bool) bool // what does not count, nor what is in it; nil: everything does
	Visit    func(f Found) error                // is told of a directory before what is in it
	Leave    func()                             // is told of the end of a directory; it may be nil
	above    []fs.FileInfo                      // the directories that lead to where the walk is
}

const (
	deepest = 400       // directories in each other
	most    = 1_000_000 // entries of a tree
)

// Walk goes through the tree in depth, in the order of names. The root is followed if it is a link. What can be neither sent nor
// left out is an error.
func (t *Tree) Walk(files Files) error {
	count := 0
	var walk func(f Found) error
	walk = func(f Found) error {
		if count++; count > most {
			return fmt.Errorf("there are more than %d files in %s", most, t.Root)
		}
		if err := t.Visit(f); err != nil || f.Info == nil || !f.Info.IsDir() {
			return err
		}
		if len(t.above) >= deepest {
			return fmt.Errorf("too many directories lie in each other at %s", f.Name)
		}
		for _, above := range t.above {
			if os.SameFile(above, f.Info) {
				return &fs.PathError{Op: "open", Path: f.Name, Err: syscall.ELOOP}
			}
		}
		t.above = append(t.above, f.Info)
		entries, err := files.ReadDir(f.Name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			next, ok, err := t.entry(files, f, e)
			if err == nil && ok {
				err = walk(next)
			}
			if err != nil {
				return err
			}
		}
		t.above = t.above[:len(t.above)-1]
		if t.Leave != nil {
			t.Leave()
		}
		return nil
	}
	info, err := files.Stat(t.Root)
	if err != nil {
		return err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return kindError(t.Root, info.Mode())
	}
	return walk(Found{Name: t.Root, Info: info})
}

// entry looks at an entry of a directory, and says whether it counts.
func (t *Tree) entry(files Files, in Found, e fs.DirEntry) (f Found, ok bool, err error) {
	f = Found{Name: filepath.Join(in.Name, e.Name()), Path: path.Join(in.Path, e.Name())}
	isLink := e.Type()&fs.ModeSymlink != 0
	excluded := func(isDir bool) bool { return t.Excludes != nil && t.Excludes(f.Path, isDir) }
	switch {
	case isLink && t.Links == SkipLinks, excluded(e.IsDir()):
		return f, false, nil
	case isLink && t.Links != FollowLinks:
		linker, can := files.(Linker)
		if !can {
			return f, false, &fs.PathError{Op: "readlink", Path: f.Name, Err: errors.ErrUnsupported}
		}
		f.Target, err = linker.Readlink(f.Name)
		return f, true, err
	}
	if f.Info, err = files.Stat(f.Name); err != nil {
		return f, false, err
	}
	if isLink && f.Info.IsDir() && excluded(true) {
		return f, false, nil
	}
	if !f.Info.IsDir() && !f.Info.Mode().IsRegular() {
		return f, false, kindError(f.Name, f.Info.Mode())
	}
	return f, true, nil
}

func kindError(name string, mode fs.FileMode) error {
	what := "a device"
	switch {
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	}
	return fmt.Errorf("%s is %s, which cannot be sent; exclude it", name, what)
}
