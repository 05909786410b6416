// Package view shows a target's files: as they are, or, in a preview, as the earlier tasks of the run will leave them.
// So a file in a directory that an earlier task will make is previewed as what it is, a new file, and not as an error.
// It resolves paths itself, because a path may lead from what is there through what is planned, and because links that
// somebody else could have put there are not followed. Its neighbours are agent/disk, whose opened directories it
// hands out, and agent/action, whose actions look through it and tell it what they are going to do. It changes nothing.
package view

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"maps"
	"path"
	"strings"

	"runner/agent/disk"
)

// keep is how much planned content is kept for later diffs, in bytes.
const keep = 4 << 20

// View is what one run sees of one target. It is used by one call at a time.
type View struct {
	preview   bool
	disturbed bool
	planned   map[string]*Entry // by path without links; nil: removed
	kept      int
	lines     map[line][]string // planned ones of the files of accounts; nil: removed
	accounts  accounts
	seen      hash.Hash // of what was found at the paths that were looked at; nil: nobody asks
}

// Watch begins to note what is found.
func (v *View) Watch() { v.seen = sha256.New() }

// Seen ends what Watch began. It returns what tells whether the same is found another time, without a word on what it is:
// no contents and no sizes are part of it. A directory is the same when others were made in it.
func (v *View) Seen() []byte {
	out := v.seen.Sum(nil)
	v.seen = nil
	return out
}

// Notice notes, if somebody watches, something that was found below a path.
func (v *View) Notice(at string, st disk.Stat) {
	if v.seen != nil {
		fmt.Fprintf(v.seen, "%q %v %d %d\n", at, st.Kind, st.ID.Inode, st.Changed) //nolint:errcheck // never fails
	}
}

func (v *View) note(at string, e *Entry) {
	switch {
	case v.seen == nil || v.planning(at):
	case e == nil:
		fmt.Fprintf(v.seen, "%q absent\n", at) //nolint:errcheck // never fails
	case e.Kind == disk.Directory:
		fmt.Fprintf(v.seen, "%q %v %d %o %d %d\n", at, e.Kind, e.ID.Inode, e.Perm, e.UID, e.GID) //nolint:errcheck // never fails
	default:
		fmt.Fprintf(v.seen, "%q %v %d %d\n", at, e.Kind, e.ID.Inode, e.Changed) //nolint:errcheck // never fails
	}
}

// Live returns a view of the files as they are.
func Live() *View { return &View{} }

// Preview returns a view of the files as the calls that use it will leave them. It has to live as long as there are
// calls whose effect the next ones must see.
func Preview() *View { return &View{preview: true, planned: map[string]*Entry{}} }

// Attr is a set of attributes.
type Attr uint8

// The attributes of an entry.
const (
	Kind Attr = 1 << iota
	Mode
	Owner
	Group
	Target
)

// Entry is what is at a path, or will be there.
type Entry struct {
	disk.Stat
	Target  string   // of a link
	Content *Content // of a planned file; nil: what is on the disk
	Unknown Attr     // what only the run will give
	New     bool     // planned, and not a change to what is on the disk
}

// Plan tells a preview what will be at a place. A live view ignores it.
func (v *View) Plan(p *Place, e Entry) {
	if !v.preview {
		return
	}
	v.forget(p.Path)
	if e.Content != nil && len(e.Content.Bytes) > 0 {
		if v.kept+len(e.Content.Bytes) > keep {
			c := *e.Content
			c.Bytes = nil
			e.Content = &c
		} else {
			v.kept += len(e.Content.Bytes)
		}
	}
	e.New = e.New || p.Entry == nil || p.Entry.New || p.Entry.Kind != e.Kind
	v.planned[p.Path] = &e
}

// PlanRemoval tells a preview that nothing will be at a place, nor below it.
func (v *View) PlanRemoval(p *Place) {
	if !v.preview {
		return
	}
	v.forget(p.Path)
	defer func() { v.planned[p.Path] = nil }()
	if p.Entry != nil && p.Entry.Kind != disk.Directory && p.Entry.Kind != disk.Unknown {
		return
	}
	maps.DeleteFunc(v.planned, func(at string, e *Entry) bool {
		if !strings.HasPrefix(at, p.Path+"/") {
			return false
		}
		v.drop(e)
		return true
	})
}

// Below returns what a preview plans below a path, by path; nil: removed.
func (v *View) Below(at string) map[string]*Entry {
	var out map[string]*Entry
	for path, e := range v.planned {
		if strings.HasPrefix(path, at+"/") {
			if out == nil {
				out = map[string]*Entry{}
			}
			out[path] = e
		}
	}
	return out
}

func (v *View) forget(at string) { v.drop(v.planned[at]) }

func (v *View) drop(e *Entry) {
	if e != nil && e.Content != nil {
		v.kept -= len(e.Content.Bytes)
	}
}

// Disturb tells a preview that a program will run, after which any file may be another one. What the view says from then
// on is still what is there now and planned, but what would be an error is an *UnknownError.
func (v *View) Disturb() { v.disturbed = v.preview }

// Disturbed tells whether a program will have run.
func (v *View) Disturbed() bool { return v.disturbed }

// Expect tells a preview that something will be at a path, if nothing is: what a program is said to create.
func (v *View) Expect(at string) {
	if !v.preview {
		return
	}
	p, err := v.walk(at, walking{anyLink: true})
	if err != nil {
		return // where it will be is not known either
	}
	defer p.Close()
	if p.Entry == nil {
		v.planned[p.Path] = &Entry{Unknown: Kind, New: true}
	}
}

// Cover tells a preview that something else will be mounted at a place, or what is mounted there will be no more: what is there
// and below is not known.
func (v *View) Cover(p *Place) {
	if v.preview {
		v.PlanRemoval(p)
		v.planned[p.Path] = &Entry{Unknown: Kind, New: true}
	}
}

// Elsewhere tells a preview that somebody else's task will have written to a path, or removed what is there.
func (v *View) Elsewhere(at string, removed bool) {
	if !v.preview || v.planning(at) {
		return
	}
	p, err := v.walk(at, walking{anyLink: true})
	if err != nil {
		return // where it will be is not known either
	}
	defer p.Close()
	const attributes = Mode | Owner | Group
	switch {
	case v.planning(p.Path):
	case removed:
		v.planned[p.Path] = nil
	case p.Entry == nil:
		v.planned[p.Path] = &Entry{Unknown: Kind, New: true}
	case p.Entry.Kind == disk.Regular:
		e := *p.Entry
		e.Content, e.Unknown = &Content{Unknown: true}, attributes
		v.planned[p.Path] = &e
	default:
		e := *p.Entry
		e.Unknown = attributes | Target
		v.planned[p.Path] = &e
	}
}

// Planning tells whether an earlier task writes to a path that begins in a certain way, or removes what is there.
func (v *View) Planning(prefix string) bool {
	for at := range v.planned {
		if strings.HasPrefix(at, prefix) {
			return true
		}
	}
	return false
}

// Changes tells whether an earlier task writes to a path without links, or to something below it.
func (v *View) Changes(at string) bool {
	return v.planning(at) || v.Planning(strings.TrimSuffix(at, "/")+"/")
}

// planning tells whether an earlier task writes to a path.
func (v *View) planning(at string) bool {
	_, ok := v.planned[path.Clean(at)]
	return ok
}
