// Package config reads OpenSSH's client configuration: Host, Match and Include, and for each keyword the value that
// OpenSSH would use for a host. What the values mean is for transports/ssh to say; this package connects nowhere, runs
// nothing, and looks nothing up.
//
// Tests hold it against ssh -G. The libraries that read these files leave Match out, which is where people say by which
// bastion a machine is reached.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"runner/agent/plain"
)

// Limits of what is read.
const (
	maxDepth = 16      // files that include one another, as OpenSSH has it
	maxSize  = 4 << 20 // bytes of one file
	maxFiles = 4096    // included by one another, altogether
)

// File is a configuration file, with the files that it includes.
type File struct {
	directives []directive
}

type directive struct {
	keyword  string // in lower case
	args     []string
	place    string // file:line
	included []*File
}

// A SyntaxError is a line that cannot be understood.
type SyntaxError struct {
	Place   string // file:line
	Message string
}

func (e *SyntaxError) Error() string { return e.Place + ": " + e.Message }

// Load reads a file and what it includes. Relative includes are looked for in dir, ~ leads to home.
func Load(open Open, path, dir, home string) (*File, error) {
	l := &loader{open: open, dir: dir, home: home}
	return l.file(path, 0)
}

// Open opens a file; os.Open is one.
type Open func(path string) (fs.File, error)

type loader struct {
	open      Open
	dir, home string
	files     int
}

func (l *loader) file(path string, depth int) (*File, error) {
	if l.files++; l.files > maxFiles {
		return nil, fmt.Errorf("cannot read %s: more than %d files are included", path, maxFiles)
	}
	f, err := l.open(path)
	if err != nil {
		return nil, plain.Reading(err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, plain.Reading(err)
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("cannot read %s: it is larger than %d bytes", path, maxSize)
	}
	return l.parse(path, string(text), depth)
}

func (l *loader) parse(path, text string, depth int) (*File, error) {
	f := new(File)
	number := 0
	for line := range strings.Lines(text) {
		number++
		place := path + ":" + strconv.Itoa(number)
		d, err := parseLine(line)
		if err != nil {
			return nil, &SyntaxError{Place: place, Message: err.Error()}
		}
		if d.keyword == "" {
			continue
		}
		d.place = place
		if d.keyword == "include" {
			if d.included, err = l.include(d, depth); err != nil {
				return nil, err
			}
		}
		f.directives = append(f.directives, d)
	}
	return f, nil
}

func (l *loader) include(d directive, depth int) ([]*File, error) {
	if depth+1 >= maxDepth {
		return nil, &SyntaxError{Place: d.place, Message: "files include one another too deeply"}
	}
	var files []*File
	for _, arg := range d.args {
		switch {
		case strings.HasPrefix(arg, "~/"):
			arg = filepath.Join(l.home, arg[2:])
		case !filepath.IsAbs(arg):
			arg = filepath.Join(l.dir, arg)
		}
		paths, err := filepath.Glob(arg)
		if err != nil {
			return nil, &SyntaxError{Place: d.place, Message: "cannot include " + arg + ": " + err.Error()}
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue // as OpenSSH does for what it cannot read
			}
			file, err := l.file(path, depth+1)
			if err != nil {
				return nil, err
			}
			files = append(files, file)
		}
	}
	return files, nil
}

// parseLine splits a line into its keyword and arguments. An empty line or a comment has no keyword.
func parseLine(line string) (directive, error) {
	line = strings.Trim(line, " \t\r\n\f")
	if line == "" || line[0] == '#' {
		return directive{}, nil
	}
	end := strings.IndexAny(line, " \t=\"")
	if end < 0 {
		end = len(line)
	}
	keyword := strings.ToLower(line[:end])
	if keyword == "" {
		return directive{}, errors.New("a keyword is missing")
	}
	rest := strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	args, err := split(rest)
	if err != nil {
		return directive{}, err
	}
	if len(args) == 0 {
		return directive{}, fmt.Errorf("%s has no argument", keyword)
	}
	return directive{keyword: keyword, args: args}, nil
}

// split takes arguments apart: they may be quoted, a backslash stands before a quote, a backslash or a space that is
// meant, and a comment may follow.
func split(text string) ([]string, error) {
	var args []string
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ', '\t':
			i++
		case '#':
			return args, nil
		default:
			arg, length, err := word(text[i:])
			if err != nil {
				return nil, err
			}
			args = append(args, arg)
			i += length
		}
	}
	return args, nil
}

// word reads one argument and returns it with the length of what it was written as.
func word(text string) (string, int, error) {
	var out strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && (strings.IndexByte(`'"\`, text[i+1]) >= 0 || quote == 0 && text[i+1] == ' '):
			i++
			out.WriteByte(text[i])
		case quote == 0 && (c == ' ' || c == '\t'):
			return out.String(), i, nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			out.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", 0, errors.New("a quote is not closed")
	}
	return out.String(), len(text), nil
}
