package view

import (
	"errors"
	"path"
	"strings"

	"runner/agent/disk"
	"runner/agent/process"
)

// Directory tells whether a path leads to a directory, or may do so once an earlier task has run.
func (v *View) Directory(at string) bool {
	if len(elements(at)) == 0 {
		return true
	}
	kind, _, known := v.kind(at)
	return !known || kind == disk.Directory
}

// Program tells whether a program of a name would be found from a directory, or may be once an earlier task has run.
// What the file system does not tell it takes as found: the start of the program will say it better.
func (v *View) Program(name, dir string, environ []string) bool {
	if strings.Contains(name, "/") {
		if !strings.HasPrefix(name, "/") {
			name = path.Join(dir, name)
		}
		return v.program(name)
	}
	for in := range strings.SplitSeq(process.Variable(environ, "PATH", process.DefaultPath), ":") {
		if !strings.HasPrefix(in, "/") {
			in = path.Join(dir, in)
		}
		if v.program(path.Join(in, name)) {
			return true
		}
	}
	return false
}

func (v *View) program(at string) bool {
	const executes = 0o111
	kind, perm, known := v.kind(at)
	return !known || kind == disk.Regular && perm&executes != 0
}

// kind follows a path to its end.
func (v *View) kind(at string) (kind disk.Kind, perm uint32, known bool) {
	p, err := v.walk(at, walking{follow: true, anyLink: true})
	if err != nil {
		var unknown *UnknownError
		exists, other := absent(err)
		if exists {
			return disk.Directory, 0, true
		}
		return 0, 0, other == nil && !errors.As(err, &unknown)
	}
	defer p.Close()
	if p.Entry == nil {
		return 0, 0, !v.disturbed
	}
	return p.Entry.Kind, p.Entry.Perm, p.Entry.Unknown&(Kind|Mode) == 0
}
