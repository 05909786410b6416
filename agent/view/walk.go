package view

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
)

// Limits of one path.
const (
	maxLinks = 40
	maxSteps = 4096
)

// Place is where a path leads to. It must be closed.
type Place struct {
	Path   string    // without links
	Name   string    // the last element of Path
	Dir    *disk.Dir // the directory it is in; nil: that one is only planned
	Parent disk.Stat // of that directory, as planned
	Entry  *Entry    // nil: nothing is there
	Linked bool      // the last element of the path as given is a link, and was followed
}

// Close closes the directory. It can be called twice, and on nil.
func (p *Place) Close() {
	if p != nil {
		p.Dir.Close()
	}
}

// Exposed tells whether somebody else than root and this user, or their groups, may put entries into the directory.
func (p *Place) Exposed() bool {
	const anyoneWrites, groupWrites = 0o002, 0o020
	others := p.Parent.GID != 0 && p.Parent.GID != disk.MyGroup()
	return p.Parent.Perm&anyoneWrites != 0 || p.Parent.Perm&groupWrites != 0 && others || !ours(p.Parent.UID)
}

func ours(uid uint32) bool { return uid == 0 || uid == disk.Me() }

// Find returns the place of a path whose last element is not followed if it is a link. The directory of it must exist.
func (v *View) Find(at string) (*Place, error) { return v.walk(at, walking{}) }

// Follow is as Find and follows the last element too.
func (v *View) Follow(at string) (*Place, error) { return v.walk(at, walking{follow: true}) }

// See is as Find and Follow, for who only looks: links are followed whoever may have put them there, and a path that ends in
// "..", or is that of the root directory, is a place too.
func (v *View) See(at string, follow bool) (*Place, error) {
	p, err := v.walk(at, walking{follow: follow, anyLink: true})
	kind, ok := errors.AsType[*disk.KindError](err)
	if !ok || kind.Kind != disk.Directory {
		return p, err
	}
	if kind.Path != "/" {
		return v.See(kind.Path, follow)
	}
	root, err := disk.Root()
	if err != nil {
		return nil, err
	}
	p = &Place{Path: "/", Name: ".", Dir: root}
	st, err := root.Stat()
	p.Entry, p.Parent = &Entry{Stat: st}, st
	return p, err
}

// walking says how to walk.
type walking struct {
	follow  bool // also the last element
	anyLink bool // whoever may have put it there: good for looking, not for writing
}

// walker is a walk under way.
type walker struct {
	*View
	walking
	dir     *disk.Dir // where we are; nil: planned only
	path    string
	stat    *disk.Stat // of it, where it is planned
	todo    []string   // elements to go
	links   int
	changed bool // an attribute of a directory on the way is planned to change
	trail   trail
}

// trail is what a walk has to remember of links that others may have put in its way: a link is good if it leads to a
// directory of the one who could have put it there. Writing there gives that user nothing.
type trail struct {
	link   string
	owners []uint32
	anyone bool // a link in a directory that everybody can rename in
}

func (v *View) walk(at string, how walking) (*Place, error) {
	v.accounts.sure = false // a new task may be looking
	w := &walker{View: v, walking: how}
	p, err := w.run(at)
	if err != nil {
		w.dir.Close()
		return nil, w.honest(at, err)
	}
	return p, nil
}

// honest turns an error into one that says that it is not known, where an earlier task may have changed it until then.
func (w *walker) honest(at string, err error) error {
	if _, unknown := errors.AsType[*UnknownError](err); unknown {
		return err
	}
	if w.disturbed || w.changed && errors.Is(err, fs.ErrPermission) {
		return &UnknownError{Path: at, Err: err}
	}
	return err
}

func (w *walker) run(at string) (*Place, error) {
	if err := w.restart(elements(at)); err != nil {
		return nil, err
	}
	linked := false
	for steps := 0; ; steps++ {
		if len(w.todo) == 0 {
			return nil, &disk.KindError{Path: w.path, Kind: disk.Directory}
		}
		if steps > maxSteps {
			return nil, &LoopError{Path: at}
		}
		name := w.todo[0]
		w.todo = w.todo[1:]
		if name == ".." {
			// The path walked so far is without links.
			if err := w.restart(append(elements(path.Dir(w.path)), w.todo...)); err != nil {
				return nil, err
			}
			if len(w.todo) == 0 {
				return nil, &disk.KindError{Path: w.path, Kind: disk.Directory}
			}
			continue
		}
		last := len(w.todo) == 0
		if !last {
			if moved, err := w.quick(name); moved || err != nil {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		entry, err := w.look(name)
		if err != nil {
			return nil, err
		}
		if last && (entry == nil || entry.Kind != disk.Link || !w.follow) {
			w.note(path.Join(w.path, name), entry)
			return w.arrive(name, entry, linked)
		}
		linked = linked || last
		if err := w.enter(name, entry); err != nil {
			return nil, err
		}
	}
}

// restart starts again at the root directory.
func (w *walker) restart(todo []string) error {
	root, err := disk.Root()
	if err != nil {
		return err
	}
	w.dir.Close()
	w.dir, w.path, w.stat, w.todo = root, "/", nil, todo
	return nil
}

// quick goes into a directory that is not planned, with one system call.
func (w *walker) quick(name string) (bool, error) {
	if w.dir == nil {
		return false, nil
	}
	if _, ok := w.planned[w.dir.Join(name)]; ok {
		return false, nil
	}
	next, err := w.dir.Open(name)
	switch {
	case err == nil:
		w.move(next, next.Path, nil)
		return true, nil
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.EMLINK), errors.Is(err, fs.ErrNotExist):
		return false, nil // look tells what it is
	}
	return false, err
}

func (w *walker) move(dir *disk.Dir, to string, stat *disk.Stat) {
	w.dir.Close()
	w.dir, w.path, w.stat = dir, to, stat
}

// look tells what is at a name in the directory where we are, or nil.
func (w *walker) look(name string) (*Entry, error) {
	if e, ok := w.planned[path.Join(w.path, name)]; ok {
		return e, nil
	}
	if w.dir == nil {
		return nil, nil //nolint:nilnil // nothing is there
	}
	st, err := w.dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is there
	}
	if err != nil {
		return nil, err
	}
	e := &Entry{Stat: st}
	if st.Kind == disk.Link {
		e.Target, err = w.dir.Readlink(name)
	}
	return e, err
}

// enter goes on through an entry that is not the last one, or is a link to follow.
func (w *walker) enter(name string, e *Entry) error {
	full := path.Join(w.path, name)
	switch {
	case e == nil:
		return &MissingError{Path: full}
	case e.Unknown&Kind != 0:
		return &UnknownError{Path: full}
	case e.Kind == disk.Link:
		return w.through(name, e)
	case e.Kind != disk.Directory:
		return &disk.KindError{Path: full, Kind: e.Kind}
	}
	w.changed = true // quick has entered all that is not planned
	if e.New || w.dir == nil {
		w.move(nil, full, &e.Stat)
		return nil
	}
	next, err := w.dir.Open(name)
	if err != nil {
		return err
	}
	w.move(next, full, &e.Stat)
	return nil
}

// through follows a link.
func (w *walker) through(name string, e *Entry) error {
	full := path.Join(w.path, name)
	if e.Unknown&Target != 0 {
		return &UnknownError{Path: full}
	}
	if w.links++; w.links > maxLinks {
		return &LoopError{Path: full}
	}
	if !e.New && w.dir != nil {
		st, err := w.dir.Stat()
		if err != nil {
			return err
		}
		w.trail.add(full, e.UID, st)
	}
	todo := append(elements(e.Target), w.todo...)
	if strings.HasPrefix(e.Target, "/") {
		return w.restart(todo)
	}
	w.todo = todo
	return nil
}

func (t *trail) add(link string, owner uint32, dir disk.Stat) {
	const anyoneWrites = 0o002
	if dir.Perm&anyoneWrites != 0 && dir.Perm&disk.Sticky == 0 {
		t.link, t.anyone = link, true
	}
	for _, uid := range []uint32{owner, dir.UID} {
		if !ours(uid) {
			t.link, t.owners = link, append(t.owners, uid)
		}
	}
}

// leadsTo tells whether the links on the way may lead to a directory of an owner.
func (t *trail) leadsTo(owner uint32) bool {
	for _, uid := range t.owners {
		if uid != owner {
			return false
		}
	}
	return !t.anyone
}

func (w *walker) arrive(name string, e *Entry, linked bool) (*Place, error) {
	p := &Place{Path: path.Join(w.path, name), Name: name, Dir: w.dir, Entry: e, Linked: linked}
	if w.stat != nil {
		p.Parent = *w.stat
	} else {
		st, err := w.dir.Stat()
		if err != nil {
			return nil, err
		}
		p.Parent = st
	}
	good := w.anyLink || w.trail.leadsTo(p.Parent.UID) ||
		linked && e != nil && e.Kind == disk.Directory && w.trail.leadsTo(e.UID)
	if !good {
		return nil, &LinkError{Path: w.trail.link}
	}
	return p, nil
}

// elements splits a path.
func elements(p string) []string {
	var out []string
	for e := range strings.SplitSeq(p, "/") {
		if e != "" && e != "." {
			out = append(out, e)
		}
	}
	return out
}
