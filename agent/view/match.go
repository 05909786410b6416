package view

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"runner/agent/disk"
)

// Match returns the first path that is there and matches a pattern as path.Match takes it. As in shells, a wildcard does
// not match a dot at the beginning of a name. A link counts, wherever it points.
func (v *View) Match(pattern string) (string, bool, error) {
	found, err := v.exists(pattern)
	if found || err != nil || !strings.ContainsAny(pattern, `*?[\`) {
		return pattern, found, err
	}
	return v.match("/", elements(pattern))
}

func (v *View) match(dir string, todo []string) (string, bool, error) {
	if len(todo) == 0 {
		return dir, true, nil
	}
	names := []string{todo[0]}
	if strings.ContainsAny(todo[0], `*?[\`) {
		var err error
		if names, err = v.names(dir); err != nil {
			return "", false, err
		}
	}
	for _, name := range names {
		if ok, _ := path.Match(todo[0], name); !ok || name[0] == '.' && todo[0][0] != '.' {
			continue
		}
		at := path.Join(dir, name)
		if ok, err := v.exists(at); err != nil {
			return "", false, err
		} else if !ok {
			continue
		}
		if found, ok, err := v.match(at, todo[1:]); ok || err != nil {
			return found, ok, err
		}
	}
	return "", false, nil
}

func (v *View) exists(at string) (bool, error) {
	if len(elements(at)) == 0 {
		return true, nil
	}
	p, err := v.walk(at, walking{anyLink: true})
	if err != nil {
		return absent(err)
	}
	defer p.Close()
	return p.Entry != nil, nil
}

// absent tells errors that mean that nothing is there from those that leave it open.
func absent(err error) (bool, error) {
	var kind *disk.KindError
	var unknown *UnknownError
	switch {
	case errors.As(err, &unknown):
		return false, nil // nothing now; what is there later is not known
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.As(err, &kind):
		return kind.Kind == disk.Directory, nil // ends in "..", or goes on behind a file
	}
	return false, err
}

// names lists a directory, sorted; what is no directory has no entries.
func (v *View) names(dir string) ([]string, error) {
	p, err := v.walk(path.Join(dir, "x"), walking{anyLink: true})
	if err != nil {
		_, err := absent(err)
		return nil, err
	}
	defer p.Close()
	var out []string
	if p.Dir != nil {
		if out, err = p.Dir.Names(); err != nil {
			return nil, err
		}
	}
	inside := strings.TrimSuffix(p.Path, "x")
	for at := range v.planned {
		if name, ok := strings.CutPrefix(at, inside); ok && !strings.Contains(name, "/") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Empty tells whether nothing is, or will be, in a directory.
func (v *View) Empty(dir string) (bool, error) {
	names, err := v.names(dir)
	for _, name := range names {
		if there, err := v.exists(path.Join(dir, name)); there || err != nil {
			return false, err
		}
	}
	return err == nil, err
}
