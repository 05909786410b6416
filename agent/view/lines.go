package view

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Files of accounts, as Lines and PlanLine name them, and what else PlanLine takes.
const (
	Passwd   = "/etc/passwd"
	Groups   = "/etc/group"
	Shadow   = "/etc/shadow"
	Crontabs = "crontab" // of users: their text in one field behind the name
)

// line names a line by its file and its first field.
type line struct{ file, name string }

// PlanLine tells a preview what a line of a file of accounts will be, split into fields of which the first one is the name;
// nil: there will be none. A number that only the run will give is "". A live view ignores it.
func (v *View) PlanLine(file, name string, fields []string) {
	if !v.preview {
		return
	}
	if v.lines == nil {
		v.lines = map[line][]string{}
	}
	v.lines[line{file, name}] = fields
}

// Planned returns what PlanLine was told.
func (v *View) Planned(file, name string) (fields []string, ok bool) {
	fields, ok = v.lines[line{file, name}]
	return fields, ok
}

// Lines returns a file of accounts, each line split into fields, with what is planned laid over it. A file that is not
// there has no lines, and what lacks a number is none.
func (v *View) Lines(file string) ([][]string, error) {
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	lines, more := strings.Split(string(data), "\n"), map[string][]string{}
	for at, fields := range v.lines {
		if at.file == file {
			more[at.name] = fields
		}
	}
	var out [][]string
	for _, text := range lines {
		fields := strings.Split(text, ":")
		if planned, ok := more[fields[0]]; ok {
			delete(more, fields[0])
			fields = planned
		}
		if len(fields) > byID {
			out = append(out, fields)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		if more[name] != nil {
			out = append(out, more[name])
		}
	}
	return out, nil
}

// Account returns the line of a user in /etc/passwd: name, password, uid, gid, comment, home and shell.
func (v *View) Account(name string) ([]string, error) {
	const fields = 7
	all, err := v.Lines(Passwd)
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		if l[0] == name && len(l) >= fields {
			return l, nil
		}
	}
	return nil, v.noAccount("user", name)
}

// noAccount is the error where there is no account of a name.
func (v *View) noAccount(kind, name string) error {
	if v.disturbed || len(v.lines) == 0 && (v.planning(Passwd) || v.planning(Groups)) {
		return v.unknownAccount(kind, name)
	}
	return &AccountError{Kind: kind, Name: name}
}

func (v *View) unknownAccount(kind, name string) error {
	return &UnknownError{Path: "the " + kind + " " + strconv.Quote(name)}
}

// fileOf is the file that lists accounts of a kind.
func fileOf(kind string) string {
	if kind == "group" {
		return Groups
	}
	return Passwd
}
