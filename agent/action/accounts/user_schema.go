package accounts

import (
	"errors"
	"strings"
	"time"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// UserSchema describes User.
func UserSchema() schema.Block {
	return schema.Block{
		Name: "user",
		Doc: "Makes sure that a user is there as it should be, or that it is gone. It is looked up in /etc/passwd, /etc/group and /etc/shadow, and changed with `useradd`, `usermod`, " +
			"`userdel` and `chpasswd`, which the target has to have (the account programs of busybox alone will not do). Everything that can be found out is checked before " +
			"anything is changed, and these programs are let finish when the task is interrupted. Later tasks of the plan know the user, its home and its groups. An open connection as the user has the groups that it had when it was opened: " +
			"a `reset_connection` task gives it the new ones.",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Required: true, Doc: "The name to log in with."},
			{Name: "uid", Type: schema.Number, Doc: "Its number. Unless set, a new user gets a free one and an old one keeps its own. When it changes, what the user owns in its home directory goes with it, if that is the user's: in the new one, where `home` changes too. Files elsewhere, and in an old home, keep the old number."},
			{Name: "group", Type: schema.String, Doc: "The name or number of its primary group, which must be there. Unless set, a new user gets the group of its own name, which is made if it is not there, and an old one keeps its own."},
			{Name: "groups", Type: schema.Strings, Doc: "The names of the groups that it is in besides, which must be there; it is taken out of all others, unless `append` is set. `[]` means none."},
			{Name: "append", Type: schema.Bool, Doc: "The user stays in groups that `groups` does not name."},
			{Name: "shell", Type: schema.Path, Doc: "What runs when it logs in; it must be there. Unless set, a new user gets what /etc/default/useradd says and an old one keeps its own."},
			{Name: "home", Type: schema.Path, Doc: "Its home directory. Unless set, a new user gets the one of its name in /home (or where /etc/default/useradd says) and an old one keeps its own. A change moves no files."},
			{Name: "create_home", Type: schema.Bool, Doc: "Whether the home directory is made where it is missing, with what is in /etc/skel: that of a new user is, unless `system` is set, and that of an old one only with `true`. One that is there stays as it is."},
			{Name: "comment", Type: schema.String, Doc: "Mostly the whole name."},
			{Name: "system", Type: schema.Bool, Doc: "A new user gets a number from those of the system and no home directory. It says nothing about a user that is there."},
			{Name: "password", Type: schema.String, Secret: true, Reach: &schema.Reach{Change: []string{"password"}}, Doc: "The password as /etc/shadow has it, never in the clear: a hash such as `mkpasswd` or `openssl passwd -6` print, or `*` for none. " +
				"It is compared as text, so a function that makes another hash each time would change it each time. It is given to `chpasswd -e` by standard input."},
			{Name: "locked", Type: schema.Bool, Doc: "Whether the password is locked (`!` before it in /etc/shadow), so that nobody can log in by it. Keys still work."},
			{Name: "expires", Type: schema.String, Doc: "From which day on nobody can log in, such as `2027-01-31`, or `never`."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`. Its group of the same name goes with it where the system is set so. A user whose processes run is not removed (nor given another `uid` or `home`), and root never is."},
			{Name: "remove_home", Type: schema.Bool, Doc: "With `absent`: the home directory and the mail go too. A home that is not the user's own, that has another user's in it, or that is a mount point, is an error before anything is removed."},
		},
		Results: []schema.Attribute{
			{Name: "name", Type: schema.String, Doc: "The name as given."},
			{Name: "uid", Type: schema.Number, Doc: "Its number; null when absent."},
			{Name: "gid", Type: schema.Number, Doc: "The number of its primary group; null when absent."},
			{Name: "home", Type: schema.String, Doc: "Its home directory; null when absent."},
			{Name: "shell", Type: schema.String, Doc: "What runs when it logs in; null when absent."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "user" "deploy" {
  run_as  = "root"
  name    = "deploy"
  groups  = ["adm"]
  append  = true
  shell   = "/bin/sh"
  comment = "Deployments"
  expires = "never"
}

task "user" "worker" {
  run_as      = "root"
  name        = "worker"
  uid         = 7101
  group       = "users"
  home        = "/srv/worker"
  create_home = false
  system      = true
  locked      = true
}

task "user" "admin" {
  run_as   = "root"
  name     = "admin"
  password = "$6$runnerexample$LAmrrFkaUWGNEkuapP0M5qAzAYlaQ0pJqtc/xNCZrFNH27/yKfxte1TkwSPt.OLswhvQVhA/2IZNVF9RBNCzT/"
}

task "user" "old" {
  run_as      = "root"
  name        = "intern"
  state       = "absent"
  remove_home = true
}`,
		Uncut: true,
		Check: checkUser,
	}
}

func checkUser(m map[string]any) error {
	g := given.Args(m)
	err := errors.Join(accountName(g, "name", "user"), g.State(), id(g, "uid"), reference(g, "group"), g.Path("shell"), g.Path("home"), checkGroups(g),
		checkPassword(g), checkExpires(g))
	for _, name := range []string{"comment", "home", "shell"} {
		if text, _ := g.Text(name); strings.ContainsAny(text, ":\n\r\x00") {
			err = errors.Join(err, given.Wrong(name, "%s must have no colon and no line break: /etc/passwd could not hold it.", name))
		}
	}
	if g["append"] == true && !g.Has("groups") {
		err = errors.Join(err, given.Wrong("append", "append says something about groups, which is not given."))
	}
	if g.Removes() {
		if g["name"] == "root" {
			err = errors.Join(err, given.Wrong("name", "root must not be removed: without it nobody can administer the system."))
		}
		return errors.Join(err, g.Absent("uid", "group", "groups", "append", "shell", "home", "create_home", "comment", "system", "password", "locked", "expires"))
	}
	if g["remove_home"] == true && g["state"] != (schema.Unknown{}) {
		err = errors.Join(err, given.Wrong("remove_home", "remove_home means nothing unless state is \"absent\"."))
	}
	return err
}

// reference checks the name or number of a group.
func reference(g given.Args, name string) error {
	s, known := g.Text(name)
	if known && (s == "" || strings.HasPrefix(s, "-") || strings.ContainsAny(s, ":,/ \t\r\n\x00")) {
		return given.Wrong(name, "%s must be the name or the number of a group.", name)
	}
	return nil
}

func checkGroups(g given.Args) error {
	list, _ := g["groups"].([]any)
	for i, v := range list {
		if name, isText := v.(string); isText && accountName(given.Args{"groups": name}, "groups", "group") != nil {
			return given.Wrong("groups", "Element %d of groups is no name of a group.", i)
		}
	}
	return nil
}

// checkPassword tells a hash as crypt(5) describes it from a password in the clear, which a target would take and then
// never accept.
func checkPassword(g given.Args) error {
	s, known := g.Text("password")
	if !known || s == "*" || s == "!" {
		return nil
	}
	lengths := map[string]int{"1": 22, "5": 43, "6": 86, "y": 43, "gy": 43, "7": 43, "2a": 53, "2b": 53, "2y": 53, "sha1": 28}
	parts := strings.Split(s, "$")
	good := len(parts) > 3 && parts[0] == "" && !strings.ContainsAny(s, ": \t\r\n\x00!*\\")
	if good {
		length, isHash := lengths[parts[1]]
		good = isHash && len(parts[len(parts)-1]) == length
	}
	if !good {
		return given.Broken("password", "password must be a hash, as `mkpasswd --method=yescrypt` or `openssl passwd -6` print it, and not the password itself; or \"*\" for none.")
	}
	return nil
}

func checkExpires(g given.Args) error {
	s, known := g.Text("expires")
	if !known || s == never {
		return nil
	}
	if day, err := time.Parse(time.DateOnly, s); err != nil || day.Unix() < 0 {
		return given.Wrong("expires", "expires must be a day, such as \"2027-01-31\", or \"never\".")
	}
	return nil
}
