// Package files reads files of the controller for the functions that package function offers to expressions. A file has
// one content as long as the reader is used, however often and by however many it is asked for. It does not read the
// site's own files; package lang/syntax does.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"runner/agent/plain"
	"runner/lang/diag"
	"runner/lang/source"
)

// MaxSize is how many bytes a file may have that is read as a whole.
const MaxSize = 8 << 20

// mostKept is how many bytes of files are kept; what does not fit is read anew.
const mostKept = 12 << 20

// Reader reads files and keeps them.
type Reader struct {
	Dir  string // where relative paths start, absolute
	Home string // what ~ stands for; "": nothing
	From source.Files

	mu       sync.Mutex // guards what follows
	kept     int        // bytes in contents
	contents map[string][]byte
	sizes    map[string]int // of all files that were read
}

// Resolve returns the path of a file on the controller: relative paths start at the module, ~ is the home directory.
func (r *Reader) Resolve(path string) (string, error) {
	expanded, err := r.ExpandHome(path)
	if err != nil {
		return "", err
	}
	if expanded == "" || strings.ContainsRune(expanded, 0) {
		return "", errors.New("the path is empty or holds a NUL character")
	}
	if !filepath.IsAbs(expanded) {
		expanded = filepath.Join(r.Dir, expanded)
	}
	return filepath.Clean(expanded), nil
}

// ExpandHome returns a path with the home directory in place of a ~ at its beginning.
func (r *Reader) ExpandHome(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	switch {
	case !ok:
		return path, nil
	case rest != "" && rest[0] != '/' && rest[0] != filepath.Separator:
		return "", errors.New("the home directory of another user cannot be looked up: only ~ and ~/ are expanded")
	case r.Home == "":
		return "", errors.New("there is no home directory for ~: HOME is not set")
	}
	return filepath.Join(r.Home, rest), nil
}

// Open calls use with a regular file and its size. Anything else, such as a pipe, is refused without waiting for it.
func (r *Reader) Open(name string, use func(io.Reader, int64) error) error {
	path, err := r.Resolve(name)
	if err != nil {
		return err
	}
	f, err := r.From.Open(path)
	if err != nil {
		return Explain(name, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return Explain(name, err)
	case info.IsDir():
		return Explain(name, syscall.EISDIR)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", diag.Quote(name))
	}
	if err := use(f, info.Size()); err != nil {
		return Explain(name, err)
	}
	return nil
}

// Read returns the content of a file.
func (r *Reader) Read(name string) ([]byte, error) {
	path, err := r.Resolve(name)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	content, ok := r.contents[path]
	r.mu.Unlock()
	if ok {
		return content, nil
	}
	err = r.Open(name, func(f io.Reader, size int64) error {
		if size > MaxSize {
			return ErrTooLarge
		}
		// A file that grows meanwhile, or one of /proc, may hold more than it says.
		content, err = io.ReadAll(io.LimitReader(f, MaxSize+1))
		if len(content) > MaxSize {
			return ErrTooLarge
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if earlier, ok := r.contents[path]; ok {
		return earlier, nil // another goroutine was faster
	}
	if r.sizes == nil {
		r.sizes, r.contents = map[string]int{}, map[string][]byte{}
	}
	r.sizes[path] = len(content)
	if r.kept+len(content) <= mostKept {
		r.contents[path] = content
		r.kept += len(content)
	}
	return content, nil
}

// AddSizes adds the paths of the files that were read, and how many bytes each has.
func (r *Reader) AddSizes(sizes map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(sizes, r.sizes)
}

// ErrTooLarge is what Read returns for a file of more than MaxSize bytes.
var ErrTooLarge = errors.New("it is larger than 8 MiB; give larger files as source")

// Explain says in our words why a file cannot be read.
func Explain(name string, err error) error {
	text := plain.File(name, err)
	if errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(name) {
		text += " (relative paths start at the module's directory)"
	}
	return &explained{text, err}
}

// explained is an error in our words.
type explained struct {
	text  string
	cause error
}

func (e *explained) Error() string { return e.text }

func (e *explained) Unwrap() error { return e.cause }
