package accounts

import (
	"context"
	"io"
	"strconv"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// skeleton has what is put into new home directories.
const skeleton = "/etc/skel"

// planHome tells the view of a home directory that is to be made, with what is put into it.
func (u *User) planHome(env *action.Env, home string) error {
	p, err := env.View.Find(home)
	if u.old != nil && err != nil && !action.IsUnknown(err) {
		return action.Cannot("make", home, err)
	}
	if err != nil {
		return nil // useradd(8) makes parents too
	}
	defer p.Close()
	if p.Entry != nil {
		return u.cannot("Remove it, or choose another home.", "something that is no directory is at "+home)
	}
	if err := action.Writable(p); err != nil && disk.Me() == 0 && !env.View.Disturbed() { // others may change no account at all
		return action.Cannot("make", home, err)
	}
	u.home = home
	env.View.Plan(p, view.Entry{Stat: action.Fresh(p, disk.Directory), Unknown: view.Mode | view.Owner | view.Group, New: true})
	from, err := env.View.Find(skeleton + "/x")
	if err != nil || from.Dir == nil {
		return nil // there is none
	}
	defer from.Close()
	names, _ := from.Dir.Names()
	for _, name := range names {
		env.View.Expect(home + "/" + name)
	}
	return nil
}

// Act changes the account, and makes the home directory of a user who was there without one. useradd(8) makes that of a new one.
func (u *User) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	found, err := u.account.Act(ctx, env, found)
	if err == nil && u.home != "" && found.Change.Verb != wire.VerbCreate {
		if err = u.makeHome(ctx, env); err != nil {
			err = action.Cannot("make", u.home, err)
		}
	}
	return found, err
}

// makeHome makes the directory under a hidden name, out of the user's reach, and gives it its own name when it is whole.
func (u *User) makeHome(ctx context.Context, env *action.Env) error {
	line, err := env.View.Account(u.Name)
	if err != nil {
		return err
	}
	var id [2]uint32
	for i, field := range []int{idField, gidField} {
		n, err := strconv.ParseUint(line[field], 10, 32)
		if err != nil {
			return err
		}
		id[i] = uint32(n)
	}
	p, err := env.View.Find(u.home)
	if err != nil {
		return err
	}
	defer p.Close()
	if p.Entry != nil {
		return &disk.ChangedError{Path: u.home}
	}
	hidden := "." + p.Name + ".runner-home"
	const closed = 0o700
	if err = p.Dir.RemoveAll(ctx, hidden); err == nil || action.Gone(err) { // of one that was killed
		err = p.Dir.Mkdir(hidden, nil, nil, closed)
	}
	if err != nil {
		return err
	}
	if err = u.fill(ctx, env, p.Dir, hidden, id); err == nil {
		err = p.Dir.Rename(hidden, p.Name)
	}
	if err != nil {
		_ = p.Dir.RemoveAll(context.WithoutCancel(ctx), hidden) // the first error counts
		return err
	}
	env.Touch(p)
	return nil
}

// fill copies the skeleton, and gives the directory to the user.
func (u *User) fill(ctx context.Context, env *action.Env, dir *disk.Dir, name string, id [2]uint32) error {
	from, err := env.View.Follow(skeleton)
	if err != nil {
		return err
	}
	defer from.Close()
	if from.Entry != nil {
		if err := copyTree(ctx, from.Dir, from.Name, dir, name, id); err != nil {
			return err
		}
	}
	st, err := dir.Lstat(name)
	if err != nil {
		return err
	}
	return dir.Change(name, st.ID, id[0], id[1], homeMode())
}

// homeMode is the mode that useradd(8) gives to home directories.
func homeMode() uint32 {
	const file, usual, all = "/etc/login.defs", 0o022, 0o777
	if mode, err := strconv.ParseUint(setting(file, "HOME_MODE", " \t"), 8, 12); err == nil {
		return uint32(mode)
	}
	mask, err := strconv.ParseUint(setting(file, "UMASK", " \t"), 8, 12)
	if err != nil {
		mask = usual
	}
	return all &^ uint32(mask)
}

// copyTree copies what is in a directory into another one, for an owner: directories, files and links.
func copyTree(ctx context.Context, from *disk.Dir, source string, to *disk.Dir, name string, id [2]uint32) error {
	from, err := from.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	if to, err = to.Open(name); err != nil {
		return err
	}
	defer to.Close()
	names, err := from.Names()
	for _, name := range names {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = copyEntry(ctx, from, to, name, id)
		}
	}
	return err
}

func copyEntry(ctx context.Context, from, to *disk.Dir, name string, id [2]uint32) error {
	st, err := from.Lstat(name)
	if err != nil {
		return err
	}
	switch st.Kind { //nolint:exhaustive // useradd(8) leaves others out, too
	case disk.Directory:
		if err = to.Mkdir(name, &id[0], &id[1], st.Perm); err != nil {
			return err
		}
		return copyTree(ctx, from, name, to, name, id)
	case disk.Link:
		target, err := from.Readlink(name)
		if err == nil {
			err = to.Symlink(name, target)
		}
		if err != nil {
			return err
		}
		return to.Lchown(name, id[0], id[1])
	case disk.Regular:
		file, st, err := from.Read(name)
		if err != nil {
			return err
		}
		defer file.Close()
		draft, err := to.Draft(name)
		if err != nil {
			return err
		}
		defer draft.Close()
		if _, err = io.Copy(draft.File, file); err == nil {
			err = draft.Finish(nil, id[0], id[1], st.Perm)
		}
		if err != nil {
			return err
		}
		return draft.Create()
	}
	return nil
}
