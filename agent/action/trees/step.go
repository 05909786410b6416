package trees

import (
	"strconv"
	"strings"

	"runner/agent/disk"
	"runner/agent/manifest"
)

// step is what is to be done to one entry.
type step struct {
	path           string // below the tree, "" for itself
	name           string // of itself, in a list
	want           manifest.Entry
	old            *disk.Stat // nil: nothing is there
	perm, uid, gid uint32     // what it will have
	number         int        // of a file in the tree
	offset         int64      // of its content among those of all
	what           what
}

// what says in which way an entry is to change.
type what uint8

const (
	content what = 1 << iota // also of a link, or that it is another kind of thing
	mode
	owner
	group
	times
	removal
)

// String is a line of a list of changes.
func (s *step) String() string {
	sign, details := "+ ", []string(nil)
	switch {
	case s.what&removal != 0:
		sign = "- "
	case s.old != nil:
		sign = "~ "
		for i, name := range []string{"content", "mode", "owner", "group", "time"} {
			if s.what&(1<<i) != 0 {
				details = append(details, name)
			}
		}
	}
	name := s.path
	if name == "" {
		name = s.name
	}
	if s.want.Kind == disk.Directory || s.what&removal != 0 && s.old.Kind == disk.Directory {
		name += "/"
	}
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` { // no UTF-8, or what a terminal would obey
		name = quoted
	}
	if len(details) > 0 {
		name += " (" + strings.Join(details, ", ") + ")"
	}
	return sign + name + "\n"
}
