package function

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"runner/lang/diag"
)

// files keeps what was read, so that all evaluations of a run see one content of each file.
type files struct {
	mu        sync.Mutex
	kept      int // bytes in contents
	contents  map[string][]byte
	templates map[string]*template
}

// mostKept is how many bytes of files are kept; what does not fit is read anew.
const mostKept = 64 << 20

// resolve returns the path of a file on the controller: relative paths start at the module, ~ is the home directory.
func (s *scope) resolve(path string) (string, error) {
	expanded, err := s.expandHome(path)
	if err != nil {
		return "", err
	}
	if expanded == "" || strings.ContainsRune(expanded, 0) {
		return "", errors.New("the path is empty or holds a NUL character")
	}
	if !filepath.IsAbs(expanded) {
		expanded = filepath.Join(s.Dir, expanded)
	}
	return filepath.Clean(expanded), nil
}

func (s *scope) expandHome(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	switch {
	case !ok:
		return path, nil
	case rest != "" && rest[0] != '/' && rest[0] != filepath.Separator:
		return "", errors.New("the home directory of another user cannot be looked up: only ~ and ~/ are expanded")
	case s.environ["HOME"] == "":
		return "", errors.New("there is no home directory for ~: HOME is not set")
	}
	return filepath.Join(s.environ["HOME"], rest), nil
}

// open calls use with a regular file and its size. Anything else, such as a pipe, is refused without waiting for it.
func (s *scope) open(name string, use func(*os.File, int64) error) error {
	path, err := s.resolve(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fileError(name, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return fileError(name, err)
	case info.IsDir():
		return fmt.Errorf("%s is a directory", diag.Quote(name))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", diag.Quote(name))
	}
	if err := use(f, info.Size()); err != nil {
		return fileError(name, err)
	}
	return nil
}

// read returns the content of a file.
func (s *scope) read(name string) ([]byte, error) {
	path, err := s.resolve(name)
	if err != nil {
		return nil, err
	}
	s.files.mu.Lock()
	content, ok := s.files.contents[path]
	s.files.mu.Unlock()
	if ok {
		return content, nil
	}
	err = s.open(name, func(f *os.File, size int64) error {
		if size > MaxText {
			return errFileTooLarge
		}
		// A file that grows meanwhile, or one of /proc, may hold more than it says.
		content, err = io.ReadAll(io.LimitReader(f, MaxText+1))
		if len(content) > MaxText {
			return errFileTooLarge
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	if earlier, ok := s.files.contents[path]; ok {
		return earlier, nil // another goroutine was faster
	}
	if s.files.kept+len(content) <= mostKept {
		if s.files.contents == nil {
			s.files.contents = map[string][]byte{}
		}
		s.files.contents[path] = content
		s.files.kept += len(content)
	}
	return content, nil
}

var errFileTooLarge = errors.New("it is larger than 8 MiB; give larger files as source")

// fileError says in our words why a file cannot be read.
func fileError(name string, err error) error {
	quoted := diag.Quote(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s (relative paths start at the module's directory)", quoted)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read: permission denied", quoted)
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("cannot read %s: %w", quoted, err)
}
