package view

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// AccountError says that there is no user or group of a name.
type AccountError struct {
	Kind string // "user" or "group"
	Name string
}

func (e *AccountError) Error() string { return "there is no " + e.Kind + " " + strconv.Quote(e.Name) }

// accounts remembers what it has looked up as long as the files that it comes from stay the same.
type accounts struct {
	ids   map[string]uint32 // by "user NAME", "group NAME"
	names map[string]string // by "user ID", "group ID"
	state [2]unix.Timespec  // when those files were changed
	sure  bool              // they have been looked at since the last walk, and so by the task under way
}

// User returns the number of a user, given by name or number.
func (v *View) User(name string) (uint32, error) { return v.account("user", name) }

// Group returns the number of a group, given by name or number.
func (v *View) Group(name string) (uint32, error) { return v.account("group", name) }

// UserName returns the name of a user, or the number if it has none.
func (v *View) UserName(id uint32) string { return v.name("user", id) }

// GroupName returns the name of a group, or the number if it has none.
func (v *View) GroupName(id uint32) string { return v.name("group", id) }

func (v *View) account(kind, name string) (uint32, error) {
	if id, err := strconv.ParseUint(name, 10, 32); err == nil && id != 1<<32-1 { // that number means "leave it"
		return uint32(id), nil
	}
	if fields, ok := v.Planned(fileOf(kind), name); ok {
		switch {
		case fields == nil:
			return 0, &AccountError{Kind: kind, Name: name}
		case fields[byID] == "":
			return 0, v.unknownAccount(kind, name)
		}
		id, err := strconv.ParseUint(fields[byID], 10, 32)
		return uint32(id), err
	}
	v.accounts.refresh()
	if id, ok := v.accounts.ids[kind+" "+name]; ok {
		return id, nil
	}
	_, text, err := accountOf(kind, byName, name)
	if errors.Is(err, errNoAccount) {
		return 0, v.noAccount(kind, name)
	}
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, err
	}
	v.accounts.ids[kind+" "+name] = uint32(id)
	return uint32(id), nil
}

func (v *View) name(kind string, id uint32) string {
	a, text := &v.accounts, strconv.FormatUint(uint64(id), 10)
	for at, fields := range v.lines {
		if at.file == fileOf(kind) && fields != nil && fields[byID] == text {
			return at.name
		}
	}
	a.refresh()
	if name, ok := a.names[kind+" "+text]; ok {
		return name
	}
	name, _, err := accountOf(kind, byID, text)
	if err != nil {
		name = text
	}
	a.names[kind+" "+text] = name
	return name
}

// How accountOf looks: at which field of a line.
const (
	byName = 0
	byID   = 2
)

var errNoAccount = errors.New("no such account")

// refresh forgets everything when an account may have come or gone.
func (a *accounts) refresh() {
	if a.sure {
		return
	}
	var now [2]unix.Timespec
	for i, file := range []string{Passwd, Groups} {
		var st unix.Stat_t
		if unix.Stat(file, &st) == nil {
			now[i] = changed(&st)
		}
	}
	if a.ids == nil || now != a.state {
		*a = accounts{ids: map[string]uint32{}, names: map[string]string{}, state: now}
	}
	a.sure = true
}

// changed is when a file was last changed in any way.
func changed(st *unix.Stat_t) unix.Timespec { return st.Ctim }
