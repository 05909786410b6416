//go:build linux

package catalog_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// writer is a task that writes to a path, with enough to fill a small disk.
type writer struct {
	action string
	args   actiontest.Args
	owners bool   // it takes owner, group and mode
	over   string // what stands there before: "file" (unless set), "link", "directory"
	noway  bool   // a directory that is there is taken
}

// writers returns such tasks, with what they read made below a directory.
func writers(t *testing.T, dir string) []writer {
	t.Helper()
	large := strings.Repeat("0123456789abcdef", 8<<10)
	actiontest.Write(t, dir+"/large", large, 0o644)
	actiontest.Command(t, "tar", "-C", dir, "-cf", dir+"/large.tar", "large")
	actiontest.Command(t, "sh", "-c", `set -e; cd "$1"; git init -q -b main up; cp large up; cd up; git add .; git -c user.name=x -c user.email=x@y commit -qm x`, "sh", dir)
	return []writer{
		{action: "file", args: actiontest.Args{"content": large}, owners: true},
		{action: "line", args: actiontest.Args{"line": large, "create": true}, owners: true},
		{action: "block", args: actiontest.Args{"content": large, "create": true}, owners: true},
		{action: "ini", args: actiontest.Args{"section": "s", "key": "k", "value": large, "create": true}, owners: true},
		{action: "replace", args: actiontest.Args{"regex": "old", "with": large}, owners: true},
		{action: "download", args: actiontest.Args{"url": "file://" + dir + "/large", "force": true}, owners: true},
		{action: "symlink", args: actiontest.Args{"target": "/elsewhere"}, over: "link"},
		{action: "directory", args: actiontest.Args{"mode": "0700"}, owners: true, over: "none", noway: true},
		{action: "extract", args: actiontest.Args{"archive": dir + "/large.tar"}, owners: true, over: "none", noway: true},
		{action: "git", args: actiontest.Args{"url": "file://" + dir + "/up"}, over: "none"},
		{action: "authorized_key", args: actiontest.Args{"user": "root", "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAsBgrlX3dVcYrGMpRIkjD+i1GbBLnlIvKb5MBPI3SvV " + large[:60000]}},
		{action: "sysctl", args: actiontest.Args{"name": "net.ipv4.ip_forward", "value": "1", "now": false}},
	}
}

// TestG29BadPlaces: an owner that does not exist, what is in the way, a file system that is full or cannot be written to. Each is an
// error that is named, with what to do about it; the preview gives the same one where that can be seen before; and all stays as it was.
func TestG29BadPlaces(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	b := actiontest.New(t)
	for _, w := range writers(t, t.TempDir()) {
		put := func(at string) {
			switch w.over {
			case "":
				actiontest.Write(t, at, "old = 1\n", 0o644)
			case "link":
				actiontest.OK(t, os.Symlink("/old", at))
			}
		}
		for _, place := range []struct {
			name string
			make func(dir string) (at string, more actiontest.Args)
			want string
			skip bool
			full bool // nobody sees before that there is no room
		}{
			{"no such owner", func(dir string) (string, actiontest.Args) { return dir + "/x", actiontest.Args{"owner": "nobody-here"} }, `there is no user "nobody-here"`, !w.owners, false},
			{"no such group", func(dir string) (string, actiontest.Args) { return dir + "/x", actiontest.Args{"group": "nobody-here"} }, `there is no group "nobody-here"`, !w.owners, false},
			{"in the way", func(dir string) (string, actiontest.Args) {
				actiontest.OK(t, os.MkdirAll(dir+"/x/full", 0o755))
				return dir + "/x", nil
			}, "director", w.noway, false},
			{"a file above", func(dir string) (string, actiontest.Args) {
				actiontest.Write(t, dir+"/file", "", 0o644)
				return dir + "/file/x", nil
			}, "is a file", false, false},
			{"nothing above", func(dir string) (string, actiontest.Args) { return dir + "/none/x", nil }, "does not exist", w.action == "directory", false},
			{"read-only", func(dir string) (string, actiontest.Args) {
				put(dir + "/x")
				actiontest.Command(t, "mount", "--bind", dir, dir)
				actiontest.Command(t, "mount", "-o", "remount,bind,ro", dir)
				return dir + "/x", nil
			}, "read-only file system", false, false},
			{"full", func(dir string) (string, actiontest.Args) {
				actiontest.Command(t, "mount", "-t", "tmpfs", "-o", "size=512k,nr_inodes=16", "tmpfs", dir)
				put(dir + "/x")
				_ = os.WriteFile(dir+"/filler", make([]byte, 1<<20), 0o600)
				for n := range 16 {
					_ = os.Symlink("/nowhere", dir+"/"+strings.Repeat("i", n+1))
				}
				return dir + "/x", nil
			}, "no space left on device", false, true},
		} {
			if place.skip {
				continue
			}
			t.Run(w.action+"/"+place.name, func(t *testing.T) {
				dir := filepath.Join("/srv", w.action+strings.ReplaceAll(place.name, " ", ""))
				actiontest.OK(t, os.Mkdir(dir, 0o755))
				at, more := place.make(dir)
				a := actiontest.Merged(actiontest.Merged(w.args, more), actiontest.Args{"path": at})
				on := *b
				on.TB = t
				var err error
				before := actiontest.Snapshot(t, dir)
				if place.full {
					_, err = on.Apply(w.action, a)
				} else {
					_, err = on.Check(w.action, a, dir)
				}
				problem, named := errors.AsType[*wire.Problem](err)
				if !named || !strings.Contains(strings.ToLower(problem.Message+problem.Quote), place.want) {
					t.Fatalf("%#v, want %q", err, place.want)
				}
				if problem.Hint == "" && problem.Quote == "" {
					t.Errorf("no hint: %v", err)
				}
				if now := actiontest.Snapshot(t, dir); now != before {
					t.Errorf("%v, and something was changed: %s", err, actiontest.Difference(before, now))
				}
			})
		}
	}
}

// setEtc gives the test an /etc of a size, as it is now.
func setEtc(t *testing.T, size string) {
	t.Helper()
	actiontest.Command(t, "sh", "-c", `set -e; rm -rf /srv/etc; cp -a /etc /srv/etc; mount -t tmpfs -o size="$1" tmpfs /etc; cp -a /srv/etc/. /etc`, "sh", size)
}

// contents are those of the files in /etc that tasks are about.
func contents(t *testing.T) string {
	t.Helper()
	return actiontest.Command(t, "sh", "-c", `cd /etc; for at in passwd shadow group gshadow hostname localtime timezone fstab keys cron.d sysctl.d systemd/system apt/sources.list.d apt/keyrings; do
		find "$at" -printf '%p %M %u %g %l\n' -type f -exec sha256sum {} + 2>/dev/null || true; done`)
}

// TestG29BadSystem is the same for what is always at its place: accounts, tables and settings in /etc.
func TestG29BadSystem(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "sh", "-c", "rm -rf /etc/ssl /etc/alternatives /etc/java* /etc/X11 /etc/fonts /etc/init.d /etc/rc?.d") // to be quick
	actiontest.Command(t, "useradd", "--system", "rtthere")
	actiontest.Write(t, "/etc/timezone", "Etc/Nothing\n", 0o644)
	b := actiontest.New(t)
	for place, c := range map[string]struct {
		make func()
		want string
	}{
		"read-only": {func() { actiontest.Command(t, "mount", "-o", "remount,ro", "/etc") }, "read-only file system"},
		"full":      {func() { _ = os.WriteFile("/etc/filler", make([]byte, 70<<20), 0o600) }, "no space left on device"},
		"locked": {func() {
			for _, file := range []string{"passwd", "shadow", "group", "gshadow"} {
				actiontest.Write(t, "/etc/"+file+".lock", "1", 0o600)
			}
		}, "cannot lock /etc/"},
	} {
		setEtc(t, "64m")
		c.make()
		before, host, forward := contents(t), actiontest.Command(t, "hostname"), actiontest.Read(t, "/proc/sys/net/ipv4/ip_forward")
		for _, a := range []struct {
			action string
			args   actiontest.Args
		}{
			{"user", actiontest.Args{"name": "rtnew", "system": true, "password": "$6$x$y"}},
			{"user", actiontest.Args{"name": "rtthere", "comment": "other", "password": "$6$x$y"}},
			{"user", actiontest.Args{"name": "rtthere", "state": "absent"}},
			{"group", actiontest.Args{"name": "rtgroup"}},
			{"group", actiontest.Args{"name": "games", "gid": 987}},
			{"cron", actiontest.Args{"file": "rt", "name": "x", "user": "root", "command": "true"}},
			{"hostname", actiontest.Args{"name": "rthost"}},
			{"timezone", actiontest.Args{"name": "Europe/Berlin"}},
			{"mount", actiontest.Args{"path": "/srv/m", "source": "tmpfs", "type": "tmpfs"}},
			{"sysctl", actiontest.Args{"name": "net.ipv4.ip_forward", "value": "1"}},
			{"unit", actiontest.Args{"name": "rt", "content": "[Service]\nExecStart=/bin/true\n"}},
			{"repository", actiontest.Args{"name": "rt", "manager": "apt", "uris": []any{"file:///srv"}, "suites": []any{"./"}}},
			{"authorized_key", actiontest.Args{"user": "root", "path": "/etc/keys", "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAsBgrlX3dVcYrGMpRIkjD+i1GbBLnlIvKb5MBPI3SvV"}},
		} {
			if place == "locked" && a.action != "user" && a.action != "group" {
				continue
			}
			_, predicted := b.Preview(a.action, a.args)
			_, err := b.Apply(a.action, a.args)
			problem, named := errors.AsType[*wire.Problem](err)
			if !named || problem.Hint == "" || !strings.Contains(strings.ToLower(problem.Message+problem.Quote), c.want) {
				t.Errorf("%s: %s %v: %+v", place, a.action, a.args, err)
			}
			if (predicted != nil) != (place == "read-only") || predicted != nil && predicted.Error() != err.Error() {
				t.Errorf("%s: %s %v: predicted %v, got %v", place, a.action, a.args, predicted, err)
			}
			if now := contents(t); now != before {
				t.Errorf("%s: %s %v: %v, and something was changed: %s", place, a.action, a.args, err, actiontest.Difference(before, now))
			}
			if actiontest.Command(t, "hostname") != host || actiontest.Read(t, "/proc/sys/net/ipv4/ip_forward") != forward || strings.Contains(actiontest.Read(t, "/proc/mounts"), " /srv/m ") {
				t.Errorf("%s: %s %v: %v, and what the kernel has is not what it was", place, a.action, a.args, err)
			}
		}
		actiontest.Command(t, "umount", "/etc")
	}
}
