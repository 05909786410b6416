//go:build linux

package accounts_test

import (
	"os"
	"strings"
	"testing"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// Keys, as files that end in .pub have them.
const (
	key1 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICKLSKVtvC7PEDkyJ6ycnclDiB/XpVRS4SoJEHR2vvKy ann@laptop"
	key2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF+xZ54IZ0BZty4nHYkCwRoSe7UwGwVdx3+gOTKtpWpW ci"
	key3 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrrphImPKA+NFKOfxQpM2I/xCwKxleQugnhpON6rRXB"
)

// bare is a key without its comment.
func bare(key string) string { return strings.Join(strings.Fields(key)[:2], " ") }

// G28: whatever is in the file, its lines are as they should be afterwards, and the others as they were.
func TestG28AuthorizedKeyMatrix(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-m", "-u", "7201", "rtu")
	const dir = "/home/rtu/.ssh"
	strict := `from="10.0.0.0/8, 192.168.0.1",command="echo \"a b\" ssh-rsa" `
	others := "# of Ann\n\n" + strict + key2 + "\r\nnonsense\n"
	for _, c := range []struct {
		name string
		old  string // "": there is no directory; "-": there is no file
		wish args
		want string
	}{
		{"nothing there", "", args{"key": key1}, key1 + "\n"},
		{"no file", "-", args{"key": key1 + "\n# comment\n\n" + key3 + "\n"}, key1 + "\n" + key3 + "\n"},
		{"there", key1 + "\n", args{"key": key1}, key1 + "\n"},
		{"no last line break", key2, args{"key": key1}, key2 + "\n" + key1 + "\n"},
		{"other comment", bare(key1) + " bob\n" + key2 + "\n", args{"key": key1}, key1 + "\n" + key2 + "\n"},
		{"other options", "no-pty " + key1 + "\n", args{"key": key1}, key1 + "\n"},
		{"options in the key", key1 + "\n", args{"key": strict + key1}, strict + key1 + "\n"},
		{"options", "no-pty " + bare(key1) + "\n", args{"key": strict + key1, "options": "restrict"}, "restrict " + key1 + "\n"},
		{"no options", strict + key1 + "\n", args{"key": strict + key1, "options": ""}, key1 + "\n"},
		{"twice", key1 + "\n" + key2 + "\nno-pty " + key1 + "\n", args{"key": key1}, key1 + "\n" + key2 + "\n"},
		{"others stay", others, args{"key": key1}, strings.ReplaceAll(others, "\r", "") + key1 + "\n"},
		{"exclusive", others + key3 + "\n", args{"key": key1 + "\n" + key3, "exclusive": true}, "# of Ann\n\nnonsense\n" + key3 + "\n" + key1 + "\n"},
		{"absent", others + key1 + "\n", args{"key": key1, "state": "absent"}, strings.ReplaceAll(others, "\r", "")},
		{"absent, other comment", bare(key1) + "\nno-pty " + key1 + "\n", args{"key": key1, "state": "absent"}, ""},
		{"absent, no directory", "", args{"key": key1, "state": "absent"}, ""},
		{"absent, not in it", key2 + "\n", args{"key": key1, "state": "absent"}, key2 + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			actiontest.OK(t, os.RemoveAll(dir))
			if c.old != "" {
				actiontest.OK(t, os.Mkdir(dir, 0o755))
			}
			if len(c.old) > 1 {
				actiontest.Write(t, dir+"/authorized_keys", c.old, 0o644)
				actiontest.OK(t, os.Chown(dir, 7201, 7201))
				actiontest.OK(t, os.Chown(dir+"/authorized_keys", 7201, 7201))
			}
			b := actiontest.New(t)
			out, err := b.Check("authorized_key", actiontest.Merged(c.wish, args{"user": "rtu"}), "/home/rtu")
			actiontest.OK(t, err)
			data, _ := os.ReadFile(dir + "/authorized_keys")
			if string(data) != c.want {
				t.Errorf("the file is now\n%s", data)
			}
			if out.Values.(map[string]any)["path"] != dir+"/authorized_keys" {
				t.Errorf("results %v", out.Values)
			}
			if c.wish["state"] == "absent" {
				return
			}
			for path, want := range map[string]string{dir: "7201:7201 700", dir + "/authorized_keys": "7201:7201 600"} {
				if got := strings.TrimSpace(actiontest.Command(t, "stat", "-c", "%u:%g %a", path)); got != want {
					t.Errorf("%s: %s", path, got)
				}
			}
		})
	}
}

// G30: what a user has put into its own directories leads root nowhere else, and shows the user nothing.
func TestG30AuthorizedKeyInAHostileHome(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-m", "-u", "7201", "rtu")
	const home, secret = "/home/rtu", "/srv/secret"
	actiontest.OK(t, os.Mkdir("/srv/root", 0o700))
	asUser := func(t *testing.T, script string) {
		t.Helper()
		actiontest.Command(t, "setpriv", "--reuid=7201", "--regid=7201", "--clear-groups", "sh", "-ec", "cd "+home+"; "+script)
	}
	for _, c := range []struct {
		name, script string
		asRoot       string
		want         string // in the error; "": it is done
	}{
		{name: "a directory that is a link to root's", script: "ln -s /srv/root .ssh", want: "is not followed"},
		{name: "a directory that is a link to /etc", script: "ln -s ../../etc .ssh", want: "is not followed"},
		{name: "a directory that is a link to one of its own", script: "mkdir keys; ln -s keys .ssh"},
		{name: "a directory that is a dangling link", script: "ln -s /srv/root/new .ssh", want: "is not followed"},
		{name: "a directory that is a file", script: "touch .ssh", want: "is a file"},
		{name: "a file that is a link", script: "mkdir .ssh; ln -s /srv/root/keys .ssh/authorized_keys", want: "is a symbolic link to /srv/root/keys"},
		{name: "a file that is a link to its own", script: "mkdir .ssh; touch mine; ln -s ../mine .ssh/authorized_keys", want: "is a symbolic link to ../mine"},
		{name: "a file that is a pipe", script: "mkdir .ssh; mkfifo .ssh/authorized_keys", want: "is a pipe"},
		{name: "a file that is a directory", script: "mkdir -p .ssh/authorized_keys", want: "is a directory"},
		{name: "a second name of another's file", script: "mkdir .ssh", asRoot: "cp /srv/secret /home/secret; ln /home/secret .ssh/authorized_keys", want: "belongs to root"},
		{name: "another's file that it has moved", script: "mkdir .ssh", asRoot: "cp /srv/secret .; mv secret .ssh/authorized_keys", want: "belongs to root"},
		{name: "a second name of its own file", script: "mkdir .ssh; echo mine > mine; ln mine .ssh/authorized_keys"},
		{name: "no home", script: "", asRoot: "mv /home/rtu /home/moved", want: "its home directory /home/rtu does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range actiontest.Entries(t, "/home") {
				actiontest.OK(t, os.RemoveAll("/home/"+name))
			}
			actiontest.Command(t, "install", "-d", "-o", "7201", "-g", "7201", home)
			actiontest.Write(t, secret, key2+"\nroot's alone\n", 0o600)
			asUser(t, c.script)
			actiontest.Command(t, "sh", "-ec", "cd "+home+"; "+c.asRoot)
			outside := actiontest.Snapshot(t, "/srv") + actiontest.Snapshot(t, "/etc")
			b := actiontest.New(t)
			_, err := b.Check("authorized_key", args{"user": "rtu", "key": key1}, "/home")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if now := actiontest.Snapshot(t, "/srv") + actiontest.Snapshot(t, "/etc"); now != outside {
				t.Errorf("something else was changed:\n%s", actiontest.Difference(outside, now))
			}
			if c.want == "" {
				asUser(t, "grep -q ann@laptop .ssh/authorized_keys")
			}
			if data, err := os.ReadFile("/home/rtu/mine"); err == nil && string(data) != "mine\n" && len(data) > 0 {
				t.Errorf("the other name has %q", data)
			}
		})
	}
}

// A file elsewhere, as sshd's AuthorizedKeysFile may say.
func TestAuthorizedKeyElsewhere(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-m", "-u", "7201", "rtu")
	actiontest.OK(t, os.Mkdir("/srv/keys", 0o755))
	actiontest.Write(t, "/srv/keys/rtu", key2+"\n", 0o644) // root's, in root's directory
	out, err := actiontest.New(t).Check("authorized_key", args{"user": "rtu", "key": key1, "path": "/srv/keys/rtu"}, "/srv", "/home")
	actiontest.OK(t, err)
	if out.Change.Verb != wire.VerbUpdate || actiontest.Read(t, "/srv/keys/rtu") != key2+"\n"+key1+"\n" {
		t.Errorf("%+v: %s", out, actiontest.Read(t, "/srv/keys/rtu"))
	}
	_, err = actiontest.New(t).Check("authorized_key", args{"user": "rtu", "key": key1, "path": "/srv/none/rtu"}, "/srv", "/home")
	if err == nil || !strings.Contains(err.Error(), "/srv/none") {
		t.Error(err)
	}
}
