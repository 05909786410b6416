package sources

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Extract is the action of that name.
type Extract struct {
	action.Access
	Request
	selection
	Path    string      `cbor:"path"`
	Content action.Data `cbor:"content"` // of the controller's archive
	Size    int64       `cbor:"content_size"`
	SHA256  string      `cbor:"content_sha256"`
	Source  string      `cbor:"source"` // for people
	Archive string      `cbor:"archive"`
	Creates string      `cbor:"creates"`

	// What Look found, for Act.
	want    action.Wanted
	archive archive
	at      string   // the directory, without links
	todo    []*entry // what differs, sorted
}

// Look compares the entries of the archive with what is there.
func (x *Extract) Look(ctx context.Context, env *action.Env) (out action.Outcome, err error) {
	if err = x.lookAll(ctx, env, &out); err != nil {
		err = x.cannot(err)
	}
	if err != nil || env.Mode == wire.ModeLook || out.Change.Verb == wire.VerbNone {
		x.archive.close() // Act does not come
	}
	return out, err
}

func (x *Extract) lookAll(ctx context.Context, env *action.Env, out *action.Outcome) error {
	if x.Creates != "" {
		if _, found, err := env.View.Match(x.Creates); err != nil || found {
			*out = action.None(x.values(0, 0))
			return err
		}
	}
	out.Change = wire.Change{Verb: wire.VerbUpdate, Unknown: env.Unknown}
	out.After = action.Blindly(x.Path)
	if env.IsUnknown("path") {
		env.View.Disturb()
		return nil
	}
	p, err := env.View.Follow(x.Path)
	if err != nil && !action.IsUnknown(err) {
		return err
	}
	defer p.Close()
	known := len(env.Unknown) == 0 && p != nil
	if p == nil || p.Entry == nil {
		out.Change.Verb = wire.VerbCreate
	} else if out.Before = action.Blindly(x.Path); p.Entry.Kind == disk.Unknown {
		known = false
	} else if p.Entry.Kind != disk.Directory {
		return &disk.KindError{Path: p.Path, Kind: p.Entry.Kind}
	}
	if known {
		err = x.open(ctx, env)
		if err == nil {
			err = x.archive.recognise(ctx, env)
		}
		if err == nil {
			return x.compare(ctx, env, p, out)
		}
		if out.Change.Why = doubt(env, err); out.Change.Why == "" && !action.IsUnknown(err) {
			return err
		}
	}
	out.Change.Unknown = append(out.Change.Unknown, "content")
	if p == nil {
		env.View.Expect(x.Path)
	} else {
		env.View.Plan(p, view.Entry{Unknown: view.Kind})
	}
	return nil
}

func (x *Extract) cannot(err error) error {
	switch e := err.(type) { //nolint:errorlint // these wrap nothing
	case *toolError:
		return e.remedy()
	case flaw:
		hint := "Nothing was unpacked. Get the archive anew: it is cut, damaged or something else."
		switch {
		case strings.HasPrefix(string(e), tooMuch):
			hint = "Nothing was unpacked. Choose a path where there is room for it, or unpack a part of it, with include."
		case strings.HasPrefix(string(e), ofEntry):
			hint = "Nothing was unpacked. Leave such entries out with exclude, or make the archive anew."
		}
		return action.Problem(hint,
			"cannot unpack into %s: the archive is not taken: %s", x.Path, string(e))
	}
	return action.Cannot("unpack into", x.Path, err)
}

// open has the archive at hand: from the call, a server or the target.
func (x *Extract) open(ctx context.Context, env *action.Env) error {
	a := &x.archive
	a.ReaderAt, a.size = bytes.NewReader(x.Content), int64(len(x.Content))
	switch {
	case x.URL != "" || x.SHA256 != "":
		scratch, err := disk.Scratch(x.Size, temporary()...)
		if err != nil {
			return err
		}
		a.use(scratch)
		if x.URL != "" {
			content, err := x.fetch(ctx, env, scratch)
			if err == nil {
				a.size = content.Size
			}
			return err
		}
		if a.size, err = io.Copy(scratch, io.LimitReader(env.Input(), x.Size+1)); err != nil {
			return err
		}
	case x.Archive != "":
		p, err := env.View.Follow(x.Archive)
		if err != nil {
			return err
		}
		defer p.Close()
		if e := p.Entry; env.View.Disturbed() || e != nil && (e.New || e.Content != nil || e.Unknown != 0) {
			return &view.UnknownError{Path: x.Archive}
		} else if e == nil {
			return action.Problem("Bring it there with a task before this one, or name one on the controller as source.",
				"cannot unpack into %s: the archive %s does not exist", x.Path, x.Archive)
		}
		file, st, err := p.Dir.Read(p.Name)
		if err != nil {
			return err
		}
		a.use(file)
		a.size = st.Size
	}
	for _, wanted := range []string{x.SHA256, x.Digest} {
		if wanted == "" {
			continue
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(a, 0, a.size)); err != nil {
			return err
		}
		if is := hex.EncodeToString(sum.Sum(nil)); is != wanted {
			return action.Problem("Correct sha256 if this is the archive that is meant.",
				"cannot unpack into %s: the archive has the digest %s, and %s is wanted", x.Path, is, wanted)
		}
	}
	return nil
}

// compare finds what differs.
func (x *Extract) compare(ctx context.Context, env *action.Env, p *view.Place, out *action.Outcome) (err error) {
	x.at = p.Path
	if x.want, err = x.Wanted(env); err != nil {
		return err
	}
	all, free := disk.Room(path.Dir(x.at))
	entries, err := x.archive.list(ctx, &x.selection, all)
	if err != nil {
		return err
	}
	var names [2][]string // created, updated
	for _, e := range append([]*entry{{member: member{name: ".", kind: disk.Directory}, ordinal: -1}}, entries...) {
		there, same, err := x.look(ctx, env, e)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return action.Cannot("unpack", path.Join(x.Path, e.name), err)
		case same && (e.hard == nil || !e.hard.differs): // else a new file takes the place of the one that it is a name of
			continue
		case e.hard == nil:
			free -= e.size
		}
		e.differs = true
		x.todo = append(x.todo, e)
		which := &names[0]
		if there {
			which = &names[1]
		}
		*which = append(*which, e.name)
	}
	if free < 0 {
		return unix.ENOSPC
	}
	out.Values = x.values(len(names[0]), len(names[1]))
	if len(x.todo) == 0 {
		*out = action.None(out.Values)
		return nil
	}
	out.After["created"], out.After["updated"] = brief(names[0]), brief(names[1])
	return nil
}

// brief names the first of many.
func brief(names []string) []any {
	const most = 100
	if len(names) > most {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("… and %d more", len(names)-most))
	}
	return action.Plain(names)
}

func (x *Extract) values(created, updated int) map[string]any {
	return map[string]any{"path": x.Path, "created": created, "updated": updated}
}

// find returns the place of an entry. On the way to it no link is followed.
func (x *Extract) find(env *action.Env, e *entry) (*view.Place, error) {
	at := path.Join(x.at, e.name)
	p, err := env.View.Find(at)
	if err == nil && p.Path != at {
		p.Close()
		err = errors.New("a symbolic link is in the way to it")
	}
	return p, err
}

// will is what an entry is to be at a place, after what is wanted of all.
func (x *Extract) will(p *view.Place, e *entry) disk.Stat {
	was := action.Fresh(p, e.kind)
	if p.Entry != nil && p.Entry.Kind == e.kind {
		if was = p.Entry.Stat; e.ordinal < 0 {
			return was // it is not the archive's
		}
	}
	if e.ordinal >= 0 {
		was.Perm = e.perm | was.Perm&disk.Setgid
		if e.kind != disk.Directory {
			was.Perm = e.perm
		}
	}
	return x.want.Over(was)
}

// look compares an entry with what is there, and tells the view what will be.
func (x *Extract) look(ctx context.Context, env *action.Env, e *entry) (there, same bool, err error) {
	p, err := x.find(env, e)
	if action.Gone(err) && env.Mode == wire.ModeApply { // its directory will be made
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	defer p.Close()
	will := view.Entry{Stat: x.will(p, e), Target: e.link}
	if e.kind == disk.Regular {
		of := e
		if e.hard != nil {
			of = e.hard
		}
		will.Size, will.Content = of.size, &view.Content{Size: of.size, SHA256: hex.EncodeToString(of.digest[:])}
	}
	if was := p.Entry; was != nil {
		there, same = true, was.Kind == e.kind && (e.kind == disk.Link && was.UID == will.UID && was.GID == will.GID || action.Same(was.Stat, will.Stat))
		switch {
		case was.Kind == disk.Unknown:
		case was.Kind == disk.Directory != (e.kind == disk.Directory), was.Kind > disk.Link:
			return true, false, &disk.KindError{Path: "it", Kind: was.Kind}
		case !same || e.kind == disk.Directory:
		case e.kind == disk.Link:
			same = was.Target == e.link
		case e.hard != nil:
			same = x.linked(env, p, e.hard)
		case was.Size != e.size:
			same = false
		default:
			content, err := p.Read(ctx, 0)
			if err != nil {
				return true, false, err
			}
			same = content.SHA256 == will.Content.SHA256
		}
	}
	if !same {
		was := action.Fresh(p, e.kind)
		if there && e.kind == disk.Directory {
			was = p.Entry.Stat
		} else {
			err = action.Writable(p)
		}
		if err == nil {
			err = action.Permitted(was, will.Stat)
		}
		if err != nil && !env.View.Disturbed() {
			return there, false, err
		}
		env.View.Plan(p, will)
	}
	return there, same, nil
}

// linked tells whether two entries are names of one file.
func (x *Extract) linked(env *action.Env, p *view.Place, of *entry) bool {
	other, err := x.find(env, of)
	if err != nil {
		return false
	}
	defer other.Close()
	return other.Entry != nil && other.Entry.ID == p.Entry.ID
}

// Act unpacks what differs. Each file appears whole.
func (x *Extract) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	defer x.archive.close()
	wanted := map[int]*entry{}
	for _, e := range x.todo {
		if e.kind == disk.Regular && e.hard == nil {
			wanted[e.ordinal] = e
		}
	}
	err := x.put(ctx, env, (*entry).isDirectory, x.enter)
	if err == nil && len(wanted) > 0 {
		ordinal := 0
		err = x.archive.read(ctx, func(_ member, content io.Reader) error {
			e := wanted[ordinal]
			ordinal++
			if e == nil {
				return nil
			}
			return x.putOne(env, e, func(e *entry, p *view.Place) error { return x.write(e, p, content) })
		})
	}
	if err == nil { // what they are names of is there now
		err = x.put(ctx, env, func(e *entry) bool { return e.hard != nil || e.kind == disk.Link }, func(e *entry, p *view.Place) error {
			if e.hard == nil {
				return x.relink(e, p)
			}
			of, err := x.find(env, e.hard)
			if err != nil {
				return err
			}
			defer of.Close()
			return p.Dir.Link(p.Name, of.Dir, of.Name)
		})
	}
	if err == nil { // a directory may be closed to us once it has its permissions
		slices.Reverse(x.todo)
		err = x.put(ctx, env, (*entry).isDirectory, func(e *entry, p *view.Place) error {
			will := x.will(p, e)
			return p.Dir.Change(p.Name, p.Entry.ID, will.UID, will.GID, will.Perm)
		})
	}
	if err != nil {
		err = x.cannot(err)
	}
	return found, err
}

// put makes some of the entries what they are to be.
func (x *Extract) put(ctx context.Context, env *action.Env, which func(*entry) bool, how func(*entry, *view.Place) error) error {
	for _, e := range x.todo {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if which(e) {
			if err := x.putOne(env, e, how); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *Extract) putOne(env *action.Env, e *entry, how func(*entry, *view.Place) error) error {
	p, err := x.find(env, e)
	if err == nil {
		defer p.Close()
		err = how(e, p)
		env.Touch(p)
	}
	if err != nil {
		return action.Cannot("unpack", path.Join(x.Path, e.name), err)
	}
	return nil
}

// enter makes a directory, or opens one that is there for us to write to.
func (x *Extract) enter(e *entry, p *view.Place) error {
	const ours = 0o700
	will := x.will(p, e)
	if p.Entry == nil {
		return p.Dir.Mkdir(p.Name, x.want.UID, x.want.GID, will.Perm|ours)
	}
	return p.Dir.Change(p.Name, p.Entry.ID, p.Entry.UID, p.Entry.GID, p.Entry.Perm|will.Perm|ours)
}

// write puts a file at its place.
func (x *Extract) write(e *entry, p *view.Place, content io.Reader) error {
	if p.Entry != nil && p.Entry.Kind != disk.Regular && p.Entry.Kind != disk.Link {
		return &disk.ChangedError{Path: p.Path}
	}
	draft, err := p.Dir.Draft(p.Name)
	if err != nil {
		return err
	}
	defer draft.Close()
	if err := disk.Reserve(draft.File, e.size); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(draft, sum), content); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), e.digest[:]) {
		return errors.New("the archive was changed meanwhile")
	}
	will := x.will(p, e)
	if err := draft.Finish(nil, will.UID, will.GID, will.Perm); err != nil {
		return err
	}
	if p.Entry == nil {
		err = draft.Create()
	} else {
		err = draft.Replace()
	}
	if err != nil || e.modified == 0 {
		return err
	}
	return p.Dir.SetTime(p.Name, time.Unix(e.modified, 0))
}

// relink puts a link at its place.
func (x *Extract) relink(e *entry, p *view.Place) error {
	var err error
	if p.Entry == nil {
		err = p.Dir.Symlink(p.Name, e.link)
	} else {
		err = p.Dir.Relink(p.Name, e.link)
	}
	will := x.will(p, e)
	if err == nil && (x.want.UID != nil || x.want.GID != nil) {
		err = p.Dir.Lchown(p.Name, will.UID, will.GID)
	}
	return err
}
