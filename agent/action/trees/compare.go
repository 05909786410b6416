package trees

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"runner/agent/action"
	"runner/agent/action/diff"
	"runner/agent/disk"
	"runner/agent/manifest"
	"runner/agent/view"
	"runner/agent/wire"
)

// comparing goes through the tree that is to be there and what is there at the same time.
type comparing struct {
	*Sync
	ctx         context.Context //nolint:containedctx // of one Look
	env         *action.Env
	in          *manifest.Reader
	planned     map[string]*view.Entry // what earlier tasks will have left below the path; nil: nothing
	number      int                    // of the next file
	offset      int64                  // of its content
	late        []step                 // removals: last, so that what fails before leaves what is there
	unknown     []string
	fingerprint hash.Hash // of what is found where something is to change
	diffs       diffs
	buf         []byte
}

// entry compares one entry, and what is in it.
func (c *comparing) entry(want manifest.Entry, at string, p *view.Place) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	s := step{path: at, want: want, name: "."}
	if want.Kind != disk.Directory {
		s.name = p.Name
	}
	if want.Kind == disk.Regular {
		s.number, s.offset = c.number, c.offset
		c.number++
		c.offset += want.Size
	}
	old := p.Entry
	if old != nil && old.Unknown&view.Kind != 0 {
		return &view.UnknownError{Path: p.Path}
	}
	if old != nil && old.Kind != want.Kind {
		replaced, err := c.inTheWay(want, at, p)
		if err != nil {
			return err
		}
		if !replaced {
			old = nil
		}
	}
	base, attributes := action.Fresh(p, want.Kind), c.files
	same := old != nil && old.Kind == want.Kind
	if same {
		base = old.Stat
	}
	switch want.Kind { //nolint:exhaustive // a link has no permissions
	case disk.Directory:
		attributes = c.directories
		if !same {
			base.Perm = base.Perm&^0o777 | want.Perm
		}
	case disk.Regular:
		base.Perm = want.Perm
	}
	will := attributes.Over(base)
	if want.Kind == disk.Link {
		will.Perm = base.Perm
	}
	s.perm, s.uid, s.gid = will.Perm, will.UID, will.GID
	if old != nil {
		s.old = &old.Stat
	}
	var err error
	if s.what, err = c.differs(want, p, same, will); err != nil {
		return err
	}
	if s.what != 0 {
		if err := c.possible(&s, p, same, base, will); err != nil {
			return err
		}
		c.add(s, p, will)
	}
	if want.Kind != disk.Directory {
		return nil
	}
	return c.directory(at, p, same, will)
}

// differs says in which way what is there is not what is to be.
func (c *comparing) differs(want manifest.Entry, p *view.Place, same bool, will disk.Stat) (what, error) {
	if !same {
		return content, nil
	}
	var out what
	old := p.Entry
	if want.Kind != disk.Link && old.Perm != will.Perm {
		out |= mode
	}
	if old.UID != will.UID {
		out |= owner
	}
	if old.GID != will.GID {
		out |= group
	}
	switch want.Kind { //nolint:exhaustive // of a directory nothing else counts
	case disk.Link:
		if old.Target != want.Target {
			out |= content
		}
	case disk.Regular:
		is, err := c.hasContent(want, p)
		if err != nil {
			return 0, action.Cannot("read", p.Path, err)
		}
		if !is {
			out |= content
		} else if c.Times && old.Modified != want.Modified {
			out |= times
		}
	}
	return out, nil
}

// hasContent says whether a file has the content that it is to have. The same size and the same time of the last change are enough,
// unless it is asked for more.
func (c *comparing) hasContent(want manifest.Entry, p *view.Place) (bool, error) {
	old := p.Entry
	switch {
	case old.Content != nil: // an earlier task will have written it
		return old.Content.SHA256 == hex.EncodeToString(want.Digest[:]), nil
	case old.Size != want.Size:
		return false, nil
	case !c.Checksum && old.Modified == want.Modified, old.Size == 0:
		return true, nil
	}
	f, _, err := p.Dir.Read(p.Name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if c.buf == nil {
		c.buf = make([]byte, 64<<10)
	}
	sum := sha256.New()
	for {
		if c.ctx.Err() != nil {
			return false, context.Cause(c.ctx)
		}
		n, err := f.Read(c.buf)
		sum.Write(c.buf[:n])
		if errors.Is(err, io.EOF) {
			return [sha256.Size]byte(sum.Sum(nil)) == want.Digest, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// inTheWay decides about another kind of thing at a place. It says whether that is replaced in one step.
func (c *comparing) inTheWay(want manifest.Entry, at string, p *view.Place) (replaced bool, err error) {
	light := func(k disk.Kind) bool { return k == disk.Regular || k == disk.Link }
	if light(want.Kind) && light(p.Entry.Kind) {
		return true, nil
	}
	if !c.Delete {
		if c.env.View.Disturbed() {
			return false, nil // it may have gone by then
		}
		return false, action.Problem("Remove it, choose another path, or set delete = true.", "cannot write %s: it is %s", p.Path, p.Entry.Kind)
	}
	n := len(c.late)
	kept, err := c.extra(at, p)
	if err == nil && kept {
		err = action.Problem("Remove them, or choose another path.", "cannot write %s: it is a directory with entries that are excluded", p.Path)
	}
	c.steps = append(c.steps, c.late[n:]...)
	c.late = c.late[:n]
	return false, err
}

// possible finds what will stand in the way of a step.
func (c *comparing) possible(s *step, p *view.Place, same bool, base, will disk.Stat) error {
	if c.env.View.Disturbed() {
		return nil
	}
	if s.what&content != 0 {
		if err := action.Writable(p); err != nil {
			return action.Cannot("write", p.Path, err)
		}
		if same && s.want.Kind == disk.Regular {
			if mounted, err := c.mounted(p); err != nil || mounted {
				return cannotReplace(p.Path, err)
			}
			base = action.Fresh(p, disk.Regular) // a new file takes its place
		}
	} else if s.want.Kind == disk.Regular && p.Exposed() && p.Entry.Links > 1 {
		return action.Problem("Remove the other names, or let the directory belong to root or to the user that the task runs as.",
			"cannot change %s: it has other names (hard links), and somebody else could have made them", p.Path)
	}
	if err := action.Permitted(disk.Stat{Perm: will.Perm, UID: base.UID, GID: base.GID}, will); err != nil {
		return action.Cannot("set the owner of", p.Path, err)
	}
	if s.what&content == 0 && s.what&mode != 0 && disk.Me() != 0 && base.UID != disk.Me() {
		return action.Cannot("set the mode of", p.Path, fs.ErrPermission)
	}
	return nil
}

func (c *comparing) mounted(p *view.Place) (bool, error) {
	if p.Dir == nil || p.Entry == nil || p.Entry.New {
		return false, nil
	}
	return p.Dir.MountPoint(p.Name)
}

func cannotReplace(at string, err error) error {
	if err != nil {
		return err
	}
	return action.Problem("Unmount it first, or exclude it.", "cannot replace or remove %s: something is mounted there", at)
}

// add adds a step, and tells the view what it will leave.
func (c *comparing) add(s step, p *view.Place, will disk.Stat) {
	if s.old == nil {
		c.count.created++
	} else {
		c.count.updated++
	}
	e := view.Entry{Stat: will, Target: s.want.Target, Unknown: c.files.Unknown &^ c.files.Known()}
	if s.want.Kind == disk.Directory {
		e.Unknown = c.directories.Unknown &^ c.directories.Known()
	}
	e.Kind = s.want.Kind
	if s.want.Kind == disk.Regular && s.what&content != 0 {
		c.count.bytes += s.want.Size
		e.Size = s.want.Size
		if c.env.Mode == wire.ModeLook {
			e.Content = &view.Content{Size: s.want.Size, SHA256: hex.EncodeToString(s.want.Digest[:])}
		}
		c.compared(&s, p)
	}
	for _, name := range action.Names(e.Unknown) {
		if !slices.Contains(c.unknown, name) {
			c.unknown = append(c.unknown, name)
		}
	}
	c.found(&s, p)
	c.env.View.Plan(p, e)
	c.steps = append(c.steps, s)
}

// found notes what is there, for who wants to know later whether it is the same.
func (c *comparing) found(s *step, p *view.Place) {
	if c.env.Mode != wire.ModeLook {
		return
	}
	fmt.Fprintf(c.fingerprint, "%q %d %o %d %d", s.path, s.what, s.perm, s.uid, s.gid) //nolint:errcheck // never fails
	if s.old != nil {
		fmt.Fprintf(c.fingerprint, " %v %o %d %d %d %d %q", s.old.Kind, s.old.Perm, s.old.UID, s.old.GID, s.old.Size, s.old.Modified, p.Entry.Target) //nolint:errcheck // never fails
		c.env.View.Notice(p.Path, *s.old)
	}
}

// directory compares what is in a directory.
func (c *comparing) directory(at string, p *view.Place, exists bool, will disk.Stat) error {
	var dir *disk.Dir
	if exists && p.Dir != nil && !p.Entry.New {
		var err error
		if dir, err = p.Dir.Open(p.Name); err != nil {
			return err
		}
		defer dir.Close()
	}
	var names []string
	if exists {
		var err error
		if names, err = c.names(dir, p.Path); err != nil {
			return err
		}
	}
	place := func(name string) (_ string, _ *view.Place, err error) {
		in := &view.Place{Path: path.Join(p.Path, name), Name: name, Dir: dir, Parent: will}
		_, there := slices.BinarySearch(names, name)
		if there {
			in.Entry, err = c.there(dir, in.Path, name)
		}
		return path.Join(at, name), in, err
	}
	rest := names
	for {
		want := c.in.Next()
		for ; len(rest) > 0 && (want.Kind == disk.Unknown || rest[0] <= want.Name); rest = rest[1:] {
			if !c.Delete || rest[0] == want.Name && want.Kind != disk.Unknown {
				continue
			}
			at, in, err := place(rest[0])
			if err == nil && in.Entry != nil {
				_, err = c.extra(at, in)
			}
			if err != nil {
				return err
			}
		}
		if want.Kind == disk.Unknown {
			return nil
		}
		at, in, err := place(want.Name)
		if err == nil {
			err = c.entry(want, at, in)
		}
		if err != nil {
			return err
		}
	}
}

// names lists what is in a directory, or will be, in order.
func (c *comparing) names(dir *disk.Dir, at string) ([]string, error) {
	var names []string
	if dir != nil {
		var err error
		if names, err = dir.Names(); err != nil {
			return nil, err
		}
	}
	for planned := range c.planned {
		if path.Dir(planned) == at {
			names = append(names, path.Base(planned))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// there says what is at a name, or will be; nil: nothing.
func (c *comparing) there(dir *disk.Dir, at, name string) (*view.Entry, error) {
	if e, ok := c.planned[at]; ok || dir == nil {
		return e, nil
	}
	st, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // it has gone
	}
	if err != nil {
		return nil, err
	}
	e := &view.Entry{Stat: st}
	if st.Kind == disk.Link {
		e.Target, err = dir.Readlink(name)
	}
	return e, err
}

// extra removes what is not in the tree, with everything in it, but for what is excluded: it says whether something of it stays.
func (c *comparing) extra(at string, p *view.Place) (kept bool, err error) {
	if c.ctx.Err() != nil {
		return false, context.Cause(c.ctx)
	}
	isDir := p.Entry.Kind == disk.Directory
	if c.Excludes(at, isDir) {
		return true, nil
	}
	if !c.env.View.Disturbed() {
		if mounted, err := c.mounted(p); err != nil || mounted {
			return false, cannotReplace(p.Path, err)
		}
		if err := action.Writable(p); err != nil {
			return false, action.Cannot("remove", p.Path, err)
		}
	}
	if isDir {
		if kept, err = c.extras(at, p); kept || err != nil {
			return kept, err
		}
	}
	s := step{path: at, name: p.Name, old: &p.Entry.Stat, what: removal}
	c.count.removed++
	c.found(&s, p)
	c.env.View.PlanRemoval(p)
	c.late = append(c.late, s)
	return false, nil
}

// extras removes what is in a directory.
func (c *comparing) extras(at string, p *view.Place) (kept bool, err error) {
	var dir *disk.Dir
	if p.Dir != nil && !p.Entry.New {
		if dir, err = p.Dir.Open(p.Name); err != nil {
			return false, err
		}
		defer dir.Close()
	}
	names, err := c.names(dir, p.Path)
	for _, name := range names {
		in := &view.Place{Path: path.Join(p.Path, name), Name: name, Dir: dir, Parent: p.Entry.Stat}
		if in.Entry, err = c.there(dir, in.Path, name); err != nil {
			return false, err
		}
		if in.Entry == nil {
			continue
		}
		stays, err := c.extra(path.Join(at, name), in)
		if err != nil {
			return false, err
		}
		kept = kept || stays
	}
	return kept, err
}

// diffs are those of small files, up to so many bytes.
type diffs struct {
	strings.Builder
	most int
}

// compared adds the diff of a file whose content is at hand.
func (c *comparing) compared(s *step, p *view.Place) {
	if c.Content == nil || c.diffs.Len() > c.diffs.most || p.Entry == nil || p.Entry.Kind != disk.Regular || p.Entry.Size > wire.MaxInline {
		return
	}
	if old, err := p.Read(c.ctx, wire.MaxInline); err == nil && old.Bytes != nil {
		c.diffs.WriteString(diff.Unified(p.Path, p.Path, old.Bytes, c.bytes(s), c.env.WholeDiff))
	}
}

// bytes are a file's content, where it is at hand.
func (s *Sync) bytes(of *step) []byte {
	to := of.offset + of.want.Size
	if to > int64(len(s.Content)) {
		return nil
	}
	return s.Content[of.offset:to]
}
