package accounts

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
)

// User is the action user.
type User struct {
	account
	UID        *float64 `cbor:"uid"`
	Group      string   `cbor:"group"`
	Groups     []string `cbor:"groups"`
	Append     bool     `cbor:"append"`
	Shell      *string  `cbor:"shell"`
	Home       *string  `cbor:"home"`
	CreateHome *bool    `cbor:"create_home"`
	Comment    *string  `cbor:"comment"`
	System     bool     `cbor:"system"`
	Password   *string  `cbor:"password"`
	Locked     *bool    `cbor:"locked"`
	Expires    string   `cbor:"expires"`
	RemoveHome bool     `cbor:"remove_home"`

	users, all [][]string // lines of /etc/passwd and /etc/group
	old        []string   // the user's line; nil: there is none
	shadow     []string   // and that of /etc/shadow, if the task is about what is there
	primary    []string   // the line of its primary group, as it will be
}

// Look compares the user's lines in the files of accounts with what is wanted.
func (u *User) Look(_ context.Context, env *action.Env) (action.Outcome, error) {
	u.kind = "user"
	err := u.look(env)
	return u.out, err
}

func (u *User) look(env *action.Env) (err error) {
	if u.unnamed(env) {
		return nil
	}
	if u.users, err = env.View.Lines(view.Passwd); err != nil {
		return action.Cannot("read", view.Passwd, err)
	}
	if u.all, err = env.View.Lines(view.Groups); err != nil {
		return action.Cannot("read", view.Groups, err)
	}
	if u.old = find(u.users, nameField, u.Name); u.old != nil && len(u.old) <= shellField {
		return u.cannot("Mend the file first.", "its line in "+view.Passwd+" has too few fields")
	}
	if u.absent() {
		err = u.lookAbsent(env)
	} else {
		err = u.lookPresent(env)
	}
	if err != nil {
		return err
	}
	return u.possible(env)
}

// lookPresent finds what has to be changed, and everything that stands in the way of it. What the tool's settings would give
// to a new user is given to it, so that the plan is right.
func (u *User) lookPresent(env *action.Env) error {
	if err := u.taken(u.users, number(u.UID)); err != nil {
		return err
	}
	if u.Shell != nil && !env.View.Program(*u.Shell, "/", nil) {
		return u.cannot("Install it with a task before this one, or choose another shell.", "its shell "+*u.Shell+" is no program here")
	}
	if err := u.readShadow(env); err != nil {
		return err
	}
	if err := u.findGroups(env); err != nil {
		return err
	}
	u.argv = []string{"usermod"}
	will := slices.Clone(u.old)
	if u.old == nil {
		will = u.begin(env)
	}
	set := func(field int, flag string, value *string) {
		if value != nil && (will[field] != *value || u.old == nil) {
			will[field] = *value
			u.run(flag, *value)
		}
	}
	if uid := number(u.UID); uid != "" {
		set(idField, "-u", &uid)
	}
	if u.Group != "" || u.old == nil && u.primary[idField] != "" {
		set(gidField, "-g", &u.primary[idField])
	}
	set(commentField, "-c", u.Comment)
	set(homeField, "-d", u.Home)
	set(shellField, "-s", u.Shell)
	is, wanted := u.groupsOf(), u.wantedGroups()
	if !slices.Equal(is, wanted) {
		u.run("-G", strings.Join(wanted, ","))
	}
	hash, expires := u.shadow[hashField], u.shadow[expiresField]
	if err := u.setShadow(); err != nil {
		return err
	}
	if u.old != nil && (will[idField] != u.old[idField] || will[homeField] != u.old[homeField]) {
		if err := u.idle(env); err != nil {
			return err
		}
	}
	if u.old != nil && u.CreateHome != nil && *u.CreateHome && !env.View.Directory(will[homeField]) {
		u.home = will[homeField]
	}
	u.plan(env, view.Passwd, u.old, will)
	if u.home != "" {
		delete(u.out.Before, "home") // it is not there
	}
	if len(u.argv) == 1 {
		u.argv = nil
	}
	if u.argv == nil && u.hash == "" && u.home == "" {
		return nil
	}
	if u.home != "" || u.old == nil && u.makesHome() && !env.View.Directory(will[homeField]) { // one that is there stays as it is
		if err := u.planHome(env, will[homeField]); err != nil {
			return err
		}
	}
	u.planGroups(env, wanted)
	env.View.PlanLine(view.Shadow, u.Name, u.shadow)
	u.tell(u.out.Before, find(u.all, idField, u.gid()), is, hash, expires)
	u.tell(u.out.After, u.primary, wanted, u.shadow[hashField], u.shadow[expiresField])
	if u.hash != "" && u.Password != nil {
		u.out.After["password"] = "(as given)"
	}
	if u.old != nil && will[idField] != u.old[idField] && will[homeField] != u.old[homeField] {
		u.out.After["files"] = "those in " + u.old[homeField] + " keep the number " + u.old[idField]
	}
	return nil
}

// gid is the number of the user's primary group; "" while there is no user.
func (u *User) gid() string {
	if u.old == nil {
		return ""
	}
	return u.old[gidField]
}

// tell adds to what is shown of a user what is not in its line; of the shadow only what the task is about.
func (u *User) tell(to map[string]any, primary, groups []string, hash, expires string) {
	if to == nil {
		return
	}
	if primary != nil {
		to["group"] = primary[nameField]
	}
	if groups != nil {
		to["groups"] = action.Plain(groups)
	}
	if u.Locked != nil {
		to["locked"] = strings.HasPrefix(hash, "!")
	}
	if u.Expires != "" {
		to["expires"] = date(expires)
	}
}

// begin is the line of a new user.
func (u *User) begin(env *action.Env) []string {
	if u.Home == nil {
		base := setting("/etc/default/useradd", "HOME", "=")
		if base == "" {
			base = "/home"
		}
		base += "/" + u.Name
		u.Home = &base
	}
	if shell := setting("/etc/default/useradd", "SHELL", "="); u.Shell == nil && shell != "" {
		u.Shell = &shell
	}
	u.argv = []string{"useradd", "-M"}
	if u.makesHome() {
		u.argv[1] = "-m"
	}
	if u.System {
		u.run("-r")
	}
	if u.primary == nil { // one of its own
		u.run("-U")
		u.primary = []string{u.Name, "x", "", ""}
		env.View.PlanLine(view.Groups, u.Name, u.primary)
	}
	return []string{u.Name, "x", "", "", "", "", ""}
}

func (u *User) makesHome() bool {
	if u.CreateHome != nil {
		return *u.CreateHome
	}
	return !u.System
}

// findGroups finds the primary group, and whether the others are there.
func (u *User) findGroups(env *action.Env) error {
	for _, name := range append(slices.Clone(u.Groups), u.Group) {
		line := find(u.all, nameField, name)
		if line == nil && name == u.Group {
			line = find(u.all, idField, name)
		}
		switch {
		case name == "":
		case line == nil && !env.View.Disturbed():
			return action.Cannot("make", "the user "+u.Name, &view.AccountError{Kind: "group", Name: name})
		case line == nil:
			line = []string{name, "x", "", ""}
		}
		if name == u.Group && name != "" {
			u.primary = line
		}
	}
	if u.Group == "" {
		if u.primary = find(u.all, idField, u.gid()); u.gid() == "" { // a new one, or one that is planned
			u.primary = find(u.all, nameField, u.Name)
		}
	}
	return nil
}

// groupsOf are the names of the groups that the user is in besides its primary one, sorted.
func (u *User) groupsOf() []string {
	var out []string
	for _, g := range u.all {
		if len(g) > membersField && slices.Contains(strings.Split(g[membersField], ","), u.Name) {
			out = append(out, g[nameField])
		}
	}
	slices.Sort(out)
	return out
}

// wantedGroups are those that it is to be in.
func (u *User) wantedGroups() []string {
	want := u.groupsOf()
	if u.Groups == nil {
		return want
	}
	if !u.Append {
		want = nil
	}
	for _, name := range u.Groups {
		if (u.primary == nil || name != u.primary[nameField]) && !slices.Contains(want, name) {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	return want
}

// planGroups tells the view in which groups the user will be.
func (u *User) planGroups(env *action.Env, will []string) {
	for _, g := range u.all {
		if len(g) <= membersField {
			continue
		}
		are, members := strings.Split(g[membersField], ","), []string(nil)
		for _, name := range are {
			if name != u.Name && name != "" {
				members = append(members, name)
			}
		}
		if slices.Contains(will, g[nameField]) {
			members = append(members, u.Name)
		}
		if now := strings.Join(members, ","); now != g[membersField] {
			env.View.PlanLine(view.Groups, g[nameField], append(slices.Clone(g[:membersField]), now))
		}
	}
}

// lookAbsent plans the removal of an account, and of what goes with it.
func (u *User) lookAbsent(env *action.Env) error {
	if u.old != nil && (u.old[idField] == "0" || u.old[idField] == strconv.FormatUint(uint64(disk.Me()), 10)) {
		return u.cannot("Run the task as root, and never for root.", "it is root, or the user that the task runs as")
	}
	if err := u.idle(env); err != nil {
		return err
	}
	u.argv = []string{"userdel"}
	if u.RemoveHome && u.old != nil {
		u.run("-r")
		if err := u.removeHome(env); err != nil {
			return err
		}
	}
	u.plan(env, view.Passwd, u.old, nil)
	if u.old == nil {
		return nil
	}
	if !u.RemoveHome {
		delete(u.out.Before, "home") // it stays
	}
	u.planGroups(env, nil)
	env.View.PlanLine(view.Shadow, u.Name, nil)
	// A group of its own goes with the user, as userdel(8) says.
	own := find(u.all, nameField, u.Name)
	others := slices.ContainsFunc(u.users, func(l []string) bool {
		return l[nameField] != u.Name && len(l) > gidField && l[gidField] == u.gid()
	})
	if own != nil && own[idField] == u.gid() && !others && (own[membersField] == "" || own[membersField] == u.Name) &&
		setting("/etc/login.defs", "USERGROUPS_ENAB", " \t") == "yes" {
		env.View.PlanLine(view.Groups, u.Name, nil)
	}
	return nil
}

// removeHome finds what would keep the home directory from being removed, before the account is.
func (u *User) removeHome(env *action.Env) error {
	home := u.old[homeField]
	p, err := env.View.Find(home)
	if action.Gone(err) || action.IsUnknown(err) {
		return nil
	}
	if err != nil {
		return action.Cannot("remove", home, err)
	}
	defer p.Close()
	owner, err := env.View.User(u.Name)
	switch {
	case p.Entry == nil, env.View.Disturbed():
		return nil
	case err == nil && p.Entry.Unknown&view.Owner == 0 && (p.Entry.Kind != disk.Directory || p.Entry.UID != owner):
		return u.cannot("Leave remove_home out, and remove what is to go with a task of its own.", "its home directory "+home+" is none of its own")
	case u.houses(home) != "":
		return u.cannot("Leave remove_home out, and remove what is to go with a task of its own.", "its home directory "+home+" has that of the user "+u.houses(home)+" in it")
	case p.Dir != nil && !p.Entry.New:
		mounted, err := p.Dir.MountPoint(p.Name)
		if below, err2 := p.Dir.MountBelow(p.Name); mounted || below != "" || err != nil || err2 != nil {
			return u.cannot("Unmount it first.", "its home directory "+home+" is a mount point, or holds one")
		}
	}
	env.View.PlanRemoval(p)
	return nil
}

// houses returns the name of another user whose home directory is a directory, or below it; "" for none.
func (u *User) houses(dir string) string {
	for _, l := range u.users {
		if l[nameField] != u.Name && len(l) > homeField && strings.HasPrefix(path.Clean(l[homeField])+"/", path.Clean(dir)+"/") {
			return l[nameField]
		}
	}
	return ""
}
