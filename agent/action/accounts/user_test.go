//go:build linux

package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

type args = actiontest.Args

// Hashes that openssl passwd -6 has printed.
const (
	hash  = "$6$runnerexample$LAmrrFkaUWGNEkuapP0M5qAzAYlaQ0pJqtc/xNCZrFNH27/yKfxte1TkwSPt.OLswhvQVhA/2IZNVF9RBNCzT/"
	hash2 = "$6$other$LAmrrFkaUWGNEkuapP0M5qAzAYlaQ0pJqtc/xNCZrFNH27/yKfxte1TkwSPt.OLswhvQVhA/2IZNVF9RBNCzT/"
)

// field returns a field of a line of a file of accounts, as another program sees it.
func field(t *testing.T, database, name string, n int) string {
	t.Helper()
	out, err := exec.Command("getent", database, name).Output()
	if err != nil {
		return ""
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), ":")[n]
}

// groupsOf are the groups that id(1) finds, sorted.
func groupsOf(t *testing.T, name string) []string {
	t.Helper()
	out := strings.Fields(actiontest.Command(t, "id", "-Gn", name))
	slices.Sort(out)
	return out
}

type state struct {
	name  string
	setUp [][]string
}

func states() []state {
	add := func(more ...string) []string {
		return append([]string{"useradd", "-s", "/bin/sh"}, append(more, "rtu")...)
	}
	return []state{
		{"absent", nil},
		{"absent with a group of its name", [][]string{{"groupadd", "-g", "7200", "rtu"}}},
		{"plain", [][]string{add("-m")}},
		{"without a home", [][]string{add("-M", "-g", "users")}},
		{"as wanted", [][]string{add("-m", "-u", "7201", "-G", "rtg,rth", "-c", "Ann", "-e", "2027-01-31", "-p", hash)}},
		{"other number", [][]string{add("-m", "-u", "7300")}},
		{"other groups", [][]string{add("-m", "-G", "rth,rti")}},
		{"other comment, shell and home", [][]string{{"useradd", "-m", "-d", "/home/elsewhere", "-c", "Bob", "-s", "/bin/false", "rtu"}}},
		{"other password", [][]string{add("-m", "-p", hash2)}},
		{"locked", [][]string{add("-m", "-p", hash), {"usermod", "-L", "rtu"}}},
		{"no password", [][]string{add("-m", "-p", "*")}},
		{"expired", [][]string{add("-m", "-e", "2000-01-01")}},
		{"a member in its group", [][]string{add("-m"), {"gpasswd", "-a", "nobody", "rtu"}}},
		{"its group is another's", [][]string{add("-m"), {"useradd", "-M", "-g", "rtu", "rtv"}}},
	}
}

func wishes() map[string]args {
	return map[string]args{
		"present":          {},
		"number":           {"uid": 7201},
		"group":            {"group": "users"},
		"group by number":  {"group": "100"},
		"groups":           {"groups": []any{"rtg", "rth"}},
		"groups more":      {"groups": []any{"rtg"}, "append": true},
		"no groups":        {"groups": []any{}},
		"own group":        {"groups": []any{"rtg"}, "group": "rtg"},
		"shell":            {"shell": "/bin/bash"},
		"home":             {"home": "/srv/rtu home"},
		"no home":          {"create_home": false},
		"home made":        {"create_home": true},
		"comment":          {"comment": "Ann"},
		"no comment":       {"comment": ""},
		"system":           {"system": true},
		"system with home": {"system": true, "create_home": true},
		"password":         {"password": hash},
		"no password":      {"password": "*"},
		"locked":           {"locked": true},
		"locked password":  {"password": hash, "locked": true},
		"open password":    {"password": hash, "locked": false},
		"unlocked":         {"locked": false},
		"expires":          {"expires": "2027-01-31"},
		"never expires":    {"expires": "never"},
		"all": {
			"uid": 7201, "groups": []any{"rtg", "rth"}, "comment": "Ann", "expires": "2027-01-31", "password": hash, "shell": "/bin/sh", "home": "/home/rtu",
		},
		"absent":               {"state": "absent"},
		"absent with its home": {"state": "absent", "remove_home": true},
	}
}

// G28: whatever there is of a user, a task makes of it what it says, as its preview has told, and the second time nothing.
func TestG28UserMatrix(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	for _, group := range []string{"rtg", "rth", "rti"} {
		actiontest.Command(t, "groupadd", group)
	}
	reset := keep(t, "passwd", "group", "shadow", "gshadow")
	for _, s := range states() {
		for name, wish := range wishes() {
			t.Run(s.name+"/"+name, func(t *testing.T) {
				defer reset()
				for _, argv := range s.setUp {
					actiontest.Command(t, argv...)
				}
				b := actiontest.New(t)
				hadHash, hadGroups := field(t, "shadow", "rtu", 1), ""
				if hadHash != "" {
					hadGroups = strings.Join(groupsOf(t, "rtu"), " ")
				}
				a := actiontest.Merged(wish, args{"name": "rtu"})
				out, err := b.Check("user", a, "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/home", "/srv")
				if err != nil {
					if name == "unlocked" && strings.Contains(err.Error(), "no password that could be unlocked") && strings.Trim(hadHash, "!") == "" {
						return
					}
					t.Fatal(err)
				}
				holds(t, a, out.Change.Verb, hadHash, hadGroups)
			})
		}
	}
}

// keep returns what brings files of /etc back to what they are now, and empties the homes.
func keep(t *testing.T, names ...string) func() {
	t.Helper()
	were := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile("/etc/" + name)
		actiontest.OK(t, err)
		were[name] = data
	}
	return func() {
		for name, data := range were {
			actiontest.OK(t, os.WriteFile("/etc/"+name, data, 0o600))
		}
		for _, dir := range []string{"/home", "/srv"} {
			for _, name := range actiontest.Entries(t, dir) {
				actiontest.OK(t, os.RemoveAll(dir+"/"+name))
			}
		}
	}
}

// holds checks the wish with other means than the action's own.
func holds(t *testing.T, a args, verb wire.Verb, hadHash, hadGroups string) {
	t.Helper()
	if a["state"] == "absent" {
		if field(t, "passwd", "rtu", 0) != "" {
			t.Error("it is still there")
		}
		if left := actiontest.Entries(t, "/home"); a["remove_home"] == true && len(left) > 0 {
			t.Errorf("the home is still there: %v", left)
		}
		return
	}
	if (verb == wire.VerbCreate) != (hadHash == "") {
		t.Errorf("%s where there was %q", verb, hadHash)
	}
	home := field(t, "passwd", "rtu", 5)
	_, noHome := os.Stat(home)
	if create := a["create_home"] != false && (a["system"] != true || a["create_home"] == true); verb == wire.VerbCreate && create != (noHome == nil) {
		t.Errorf("home made: %v, wanted: %v", noHome == nil, create)
	}
	if noHome != nil && a["create_home"] == true {
		t.Error("there is no home")
	}
	password, _ := a["password"].(string)
	now := field(t, "shadow", "rtu", 1)
	switch locked, says := a["locked"].(bool); {
	case password != "" && strings.TrimLeft(now, "!") != password, says && locked != strings.HasPrefix(now, "!"), password == "" && !says && hadHash != "" && now != hadHash:
		t.Errorf("the password field is %q, was %q", now, hadHash)
	}
	for name, want := range map[string]string{"home": home, "shell": field(t, "passwd", "rtu", 6), "comment": field(t, "passwd", "rtu", 4)} {
		if a[name] != nil && a[name] != want {
			t.Errorf("%s is %q", name, want)
		}
	}
	if a["uid"] != nil && field(t, "passwd", "rtu", 2) != "7201" {
		t.Errorf("uid %s", field(t, "passwd", "rtu", 2))
	}
	days := map[any]string{"2027-01-31": "20849", "never": ""}
	if want, ok := days[a["expires"]]; ok && field(t, "shadow", "rtu", 7) != want {
		t.Errorf("expires %s", field(t, "shadow", "rtu", 7))
	}
	groups := groupsOf(t, "rtu")
	for _, g := range []string{"rtg", "rth", "rti"} {
		list, says := a["groups"].([]any)
		want := slices.Contains(list, any(g)) || a["group"] == g || (!says || a["append"] == true) && slices.Contains(strings.Fields(hadGroups), g)
		if slices.Contains(groups, g) != want {
			t.Errorf("is in %v, was in %s, wanted %v", groups, hadGroups, list)
		}
	}
	if id := field(t, "passwd", "rtu", 3); (a["group"] == "users" || a["group"] == "100") && id != "100" {
		t.Errorf("primary group %s", id)
	}
}

// G28: the same of groups.
func TestG28GroupMatrix(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	reset := keep(t, "passwd", "group", "shadow", "gshadow")
	for _, setUp := range [][]string{nil, {"groupadd", "rtg"}, {"groupadd", "-g", "7200", "rtg"}, {"useradd", "rtg"}} {
		for _, wish := range []args{{}, {"gid": 7200}, {"system": true}, {"gid": 7200, "system": true}, {"state": "absent"}} {
			b := actiontest.New(t)
			if setUp != nil {
				actiontest.Command(t, setUp...)
			}
			a := actiontest.Merged(wish, args{"name": "rtg"})
			out, err := b.Check("group", a, "/etc")
			gid := field(t, "group", "rtg", 2)
			switch {
			case wish["state"] == "absent" && setUp != nil && setUp[0] == "useradd":
				if err == nil || !strings.Contains(err.Error(), "the primary group of the user rtg") {
					t.Errorf("%v %v: %v", setUp, wish, err)
				}
			case err != nil:
				t.Errorf("%v %v: %v", setUp, wish, err)
			case setUp != nil && setUp[0] == "groupadd" && len(setUp) == 2 && wish["gid"] == 7200 && !strings.Contains(fmt.Sprint(out.After["files"]), "keep the number"):
				t.Errorf("%v %v: nothing said of the files: %v", setUp, wish, out.After)
			case (wish["state"] == "absent") != (gid == ""), wish["gid"] != nil && gid != "7200", setUp == nil && wish["system"] == true && wish["gid"] == nil && len(gid) > 3:
				t.Errorf("%v %v: gid %q", setUp, wish, gid)
			}
			reset()
		}
	}
}

// The home directory of a user who has none is as useradd makes that of a new one.
func TestUserGetsAHomeLater(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.OK(t, os.MkdirAll("/etc/skel/below/empty", 0o750))
	actiontest.OK(t, os.Symlink("../x", "/etc/skel/below/link"))
	actiontest.Write(t, "/etc/skel/below/program", "x", 0o755)
	for _, mode := range []string{"0750", ""} {
		settings := "UMASK 077\nUSERGROUPS_ENAB yes\n"
		if mode != "" {
			settings += "HOME_MODE " + mode + "\n"
		}
		actiontest.Write(t, "/etc/login.defs", settings, 0o644)
		see := func() []string {
			lines := strings.Split(actiontest.Command(t, "find", "/home", "-mindepth", "1", "-printf", "%P %M %u %g %l\n"), "\n")
			slices.Sort(lines)
			return lines
		}
		actiontest.Command(t, "useradd", "-m", "rtu")
		want := see()
		actiontest.OK(t, os.RemoveAll("/home/rtu"))
		a := args{"name": "rtu", "create_home": true}
		out, err := actiontest.New(t).Check("user", a, "/etc", "/home")
		actiontest.OK(t, err)
		if _, was := out.Before["home"]; was || out.After["home"] != "/home/rtu" {
			t.Errorf("shown: %v, then %v", out.Before, out.After)
		}
		if got := see(); !slices.Equal(got, want) {
			t.Errorf("it is\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		out, err = actiontest.New(t).Check("user", args{"name": "rtu", "state": "absent"}, "/etc", "/home")
		actiontest.OK(t, err)
		if _, shown := out.Before["home"]; shown {
			t.Error("a home that stays is shown as gone")
		}
		actiontest.OK(t, os.RemoveAll("/home/rtu"))
	}
	actiontest.Command(t, "useradd", "-M", "-d", "/home/none/rtv", "rtv")
	_, err := actiontest.New(t).Check("user", args{"name": "rtv", "create_home": true}, "/etc", "/home")
	if err == nil || !strings.Contains(err.Error(), "cannot make /home/none/rtv") {
		t.Error(err)
	}
}

// What cannot be done is named before anything is done.
func TestAccountsThatCannotBe(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-m", "-u", "7201", "rtu")
	actiontest.Command(t, "useradd", "-m", "-d", "/home/rtv", "rtv")
	actiontest.Command(t, "groupadd", "-g", "7200", "rtg")
	actiontest.Command(t, "useradd", "-M", "-d", "/etc", "rtw")
	actiontest.Command(t, "useradd", "-m", "-d", "/srv/rtp", "rtp")
	actiontest.Command(t, "useradd", "-m", "-d", "/srv/rtp/rtq", "rtq")
	actiontest.Command(t, "useradd", "-M", "-d", "/srv/rtp/rtq/", "rtr")
	actiontest.Command(t, "mount", "-t", "tmpfs", "tmpfs", "/home/rtv")
	actiontest.Command(t, "chown", "rtv", "/home/rtv")
	actiontest.OK(t, os.WriteFile("/home/file", nil, 0o600))
	for _, c := range []struct {
		action string
		args   args
		want   string
	}{
		{"user", args{"name": "rtx", "uid": 7201}, "the number 7201 is that of the user rtu"},
		{"user", args{"name": "rtv", "uid": 7201}, "the number 7201 is that of the user rtu"},
		{"user", args{"name": "rtx", "group": "rtnone"}, `there is no group "rtnone"`},
		{"user", args{"name": "rtx", "group": "7999"}, `there is no group "7999"`},
		{"user", args{"name": "rtx", "groups": []any{"rtg", "rtnone"}}, `there is no group "rtnone"`},
		{"user", args{"name": "rtx", "shell": "/bin/rtsh"}, "its shell /bin/rtsh is no program here"},
		{"user", args{"name": "rtx", "home": "/home/file"}, "something that is no directory"},
		{"user", args{"name": "rtv", "state": "absent", "remove_home": true}, "is a mount point"},
		{"user", args{"name": "rtw", "state": "absent", "remove_home": true}, "/etc is none of its own"},
		{"user", args{"name": "rtp", "state": "absent", "remove_home": true}, "has that of the user rtq in it"},
		{"user", args{"name": "rtq", "state": "absent", "remove_home": true}, "has that of the user rtr in it"},
		{"group", args{"name": "rtx", "gid": 7200}, "the number 7200 is that of the group rtg"},
		{"group", args{"name": "rtg", "gid": 0}, "the number 0 is that of the group root"},
		{"authorized_key", args{"user": "rtx", "key": key1}, `there is no user "rtx"`},
		{"cron", args{"user": "rtx", "name": "a", "command": "true"}, `there is no user "rtx"`},
	} {
		_, err := actiontest.New(t).Check(c.action, c.args, "/etc", "/home", "/srv")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, want %q", c.action, c.args, err, c.want)
		}
	}
}

// Where the tools are missing, as beside busybox, that is said before anything is done.
func TestAccountsWithoutTools(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-m", "rtu")
	actiontest.Command(t, "mount", "-t", "tmpfs", "tmpfs", "/usr/sbin")
	for _, c := range []struct {
		action string
		args   args
		want   string
	}{
		{"user", args{"name": "rtx"}, "cannot make the user rtx: there is no program useradd"},
		{"user", args{"name": "rtu", "comment": "x"}, "cannot make the user rtu: there is no program usermod"},
		{"user", args{"name": "rtu", "password": hash}, "there is no program chpasswd"},
		{"user", args{"name": "rtu", "state": "absent", "remove_home": true}, "cannot remove the user rtu: there is no program userdel"},
		{"group", args{"name": "rtx"}, "there is no program groupadd"},
	} {
		_, err := actiontest.New(t).Check(c.action, c.args, "/etc", "/home")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, want %q", c.action, c.args, err, c.want)
		}
	}
	if out, err := actiontest.New(t).Check("user", args{"name": "rtu"}, "/etc"); err != nil || out.Change.Verb != wire.VerbNone {
		t.Errorf("%v %v", out, err)
	}
}

// Nobody but root changes accounts, and the preview says so.
func TestG28AccountsAsAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() == 0 {
		actiontest.AsNobody(t, t.Name())
		return
	}
	for name, a := range map[string]args{"user": {"name": "rtu"}, "group": {"name": "rtg"}} {
		_, err := actiontest.New(t).Check(name, a)
		if err == nil || !strings.Contains(err.Error(), "operation not permitted") {
			t.Errorf("%s: %v", name, err)
		}
		b := actiontest.New(t)
		env := b.Env(wire.ModeLook)
		env.View.Disturb()
		if _, err := b.Make(name, a).Look(t.Context(), env); err == nil || !strings.Contains(err.Error(), "operation not permitted") {
			t.Errorf("%s after a program: %v", name, err)
		}
	}
	if out, err := actiontest.New(t).Check("user", args{"name": "root", "shell": field(t, "passwd", "root", 6)}); err != nil || out.Change.Verb != wire.VerbNone {
		t.Errorf("%v %v", out, err)
	}
}

// A plan knows the accounts that its earlier tasks make.
func TestPlannedAccounts(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	b := actiontest.New(t)
	tasks := []struct {
		action  string
		args    args
		unknown []string
	}{
		{"group", args{"name": "rtg", "gid": 7200}, nil},
		{"group", args{"name": "rth"}, []string{"gid"}},
		{"user", args{"name": "rtu", "group": "rtg", "groups": []any{"rth"}, "uid": 7201}, nil},
		{"user", args{"name": "rtv"}, []string{"gid", "uid"}},
		{"file", args{"path": "/srv/u", "content": "", "owner": "rtu", "group": "rtg"}, nil},
		{"file", args{"path": "/srv/v", "content": "", "owner": "rtv", "group": "rtv"}, []string{"group", "owner"}},
		{"file", args{"path": "/home/rtu/file", "content": "", "owner": "rtu"}, nil},
		{"authorized_key", args{"user": "rtu", "key": key1}, nil},
		{"authorized_key", args{"user": "rtv", "key": key1}, []string{"group", "owner"}},
		{"cron", args{"user": "rtv", "name": "a", "command": "true"}, nil},
		{"cron", args{"user": "rtv", "name": "b", "command": "true"}, nil},
		{"user", args{"name": "rtu", "comment": "more"}, nil},
		{"group", args{"name": "rtg", "gid": 7205}, nil},
		{"user", args{"name": "rtu", "group": "rtg"}, nil},
		{"user", args{"name": "rtv", "state": "absent", "remove_home": true}, nil},
		{"group", args{"name": "rtv", "state": "absent"}, nil},
		{"group", args{"name": "rth", "state": "absent"}, nil},
	}
	looking, applying := b.Env(wire.ModeLook), b.Env(wire.ModeApply)
	var plans []map[string]any
	var verbs []wire.Verb
	for _, task := range tasks {
		out, err := b.Make(task.action, task.args).Look(t.Context(), looking)
		if err != nil {
			t.Fatalf("%s %v: %v", task.action, task.args, err)
		}
		unknown := slices.Clone(out.Change.Unknown)
		slices.Sort(unknown)
		if unknown = slices.Compact(unknown); !slices.Equal(unknown, task.unknown) {
			t.Errorf("%s %v: unknown %v, want %v", task.action, task.args, unknown, task.unknown)
		}
		after := maps.Clone(out.After)
		for _, name := range unknown {
			delete(after, name)
		}
		plans, verbs = append(plans, after), append(verbs, out.Change.Verb)
	}
	for i, task := range tasks {
		out, err := b.ApplyIn(applying, task.action, task.args)
		if err != nil {
			t.Fatalf("%s %v: %v", task.action, task.args, err)
		}
		for name, value := range plans[i] {
			if got := out.After[name]; !equal(got, value) && name != "size" {
				t.Errorf("%s %v: %s was to be %v, is %v", task.action, task.args, name, value, got)
			}
		}
		if out.Change.Verb != verbs[i] {
			t.Errorf("%s %v: was to be %s, is %s", task.action, task.args, verbs[i], out.Change.Verb)
		}
	}
	// Misspelt names are errors as before.
	if _, err := b.Make("file", args{"path": "/srv/x", "content": "", "owner": "rtz"}).Look(t.Context(), looking); err == nil {
		t.Error("a user that nobody plans is taken")
	}
}

func equal(a, b any) bool {
	list, ok := a.([]any)
	other, ok2 := b.([]any)
	return ok && ok2 && slices.Equal(list, other) || !ok && !ok2 && a == b
}

// G36: a password is on no command line and in nothing that is shown.
func TestG36PasswordIsNotShown(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	b := actiontest.New(t)
	for _, h := range []string{hash, hash2} {
		out := b.Must("user", args{"name": "rtu", "password": h})
		for _, m := range []map[string]any{out.Before, out.After, out.Values.(map[string]any)} {
			for name, value := range m {
				if text, _ := value.(string); strings.Contains(text, "$6$") {
					t.Errorf("%s shows %v", name, value)
				}
			}
		}
		if field(t, "shadow", "rtu", 1) != h {
			t.Errorf("the hash is %q", field(t, "shadow", "rtu", 1))
		}
	}
}

// A line that is none is left alone, and is nobody's.
func TestAccountsBesideBrokenLines(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.OK(t, os.WriteFile("/etc/group", []byte("rtu:x\n"+actiontest.Read(t, "/etc/group")), 0o644))
	b := actiontest.New(t)
	for _, name := range []string{"group", "user"} {
		out, err := b.Check(name, args{"name": "rtu"}, "/etc")
		actiontest.OK(t, err)
		b.Verb(out, wire.VerbCreate)
	}
}

// Two names of one number are as they should be once they are there.
func TestAccountsThatShareANumber(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-M", "-o", "-u", "0", "-g", "0", "rtu")
	b := actiontest.New(t)
	out, err := b.Check("user", args{"name": "rtu", "uid": 0}, "/etc")
	actiontest.OK(t, err)
	b.Verb(out, wire.VerbNone)
}

// G24: what changes an account is not ended in the middle, which would leave a user in one file and not in the other.
func TestG24AccountsAreNotCut(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Write(t, "/srv/useradd", "#!/bin/sh\ntouch /srv/began\nsleep 0.3\nPATH=/usr/sbin:/sbin:$PATH exec useradd \"$@\"\n", 0o755)
	b := actiontest.New(t)
	env := b.Env(wire.ModeApply)
	env.Environ = append(env.Environ, "PATH=/srv:"+os.Getenv("PATH"))
	ctx, cancel := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() {
		for ctx.Err() == nil {
			if _, err := os.Stat("/srv/began"); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	_, err := actiontest.Run(ctx, env, b.Make("user", args{"name": "rtu"}))
	if err != nil || ctx.Err() == nil || field(t, "passwd", "rtu", 0) == "" || field(t, "shadow", "rtu", 0) == "" {
		t.Errorf("%v, %v: the user is in %q, %q", err, ctx.Err(), field(t, "passwd", "rtu", 0), field(t, "shadow", "rtu", 0))
	}
	cancel()
	watch.Wait()
}

// TestG29UserWithoutRoomForAHome: a user whose home directory or password cannot be made is not made, and of the directory nothing is left.
func TestG29UserWithoutRoomForAHome(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	b := actiontest.New(t)
	actiontest.Command(t, "mount", "-t", "tmpfs", "-o", "nr_inodes=2,mode=755", "tmpfs", "/home")
	actiontest.Command(t, "mkdir", "/home/other")
	of := func() string {
		return actiontest.Read(t, "/etc/passwd") + actiontest.Read(t, "/etc/shadow") + actiontest.Read(t, "/etc/group") + fmt.Sprint(actiontest.Entries(t, "/home"))
	}
	before := of()
	refused := func(a args, want string, predicted bool) {
		t.Helper()
		_, looked := b.Preview("user", a)
		_, err := b.Apply("user", a)
		if p, ok := errors.AsType[*wire.Problem](err); !ok || !strings.Contains(p.Message, want) || (looked != nil) != predicted {
			t.Errorf("%v: %v, predicted %v", a, err, looked)
		}
		if now := of(); now != before {
			t.Errorf("%v: %v, and something was changed: %s", a, err, actiontest.Difference(before, now))
		}
	}
	refused(args{"name": "rthome"}, "useradd ended with status 12", false)
	actiontest.Command(t, "mount", "-o", "remount,ro", "/home")
	refused(args{"name": "rthome"}, "cannot make /home/rthome: cannot write to /home: read-only file system", true)
	actiontest.Write(t, "/srv/chpasswd", "#!/bin/sh\necho no >&2; exit 1\n", 0o755)
	t.Setenv("PATH", "/srv:"+os.Getenv("PATH"))
	refused(args{"name": "rtsystem", "system": true, "password": "$6$x$y"}, "chpasswd ended with status 1", false)
}
