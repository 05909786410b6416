//go:build linux

package files_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// reads looks as plan and as apply do, both of which must give the same and leave everything as it is.
func reads(t *testing.T, name string, a args) map[string]any {
	t.Helper()
	b := actiontest.New(t)
	predicted, err := b.Preview(name, a)
	actiontest.OK(t, err)
	out := b.Must(name, a)
	b.Verb(out, wire.VerbRead)
	if !reflect.DeepEqual(predicted, out) || len(out.Change.Unknown) > 0 {
		t.Errorf("%v: predicted %+v, got %+v", a, predicted, out)
	}
	values, _ := out.Values.(map[string]any)
	return values
}

// refused is what both say where an action cannot look.
func refused(t *testing.T, name string, a args, part string) {
	t.Helper()
	b := actiontest.New(t)
	_, lookErr := b.Preview(name, a)
	_, err := b.Apply(name, a)
	var p *wire.Problem
	if !errors.As(err, &p) || !strings.Contains(p.Message, part) || !strings.Contains(p.Message, a["path"].(string)) || p.Hint == "" || lookErr == nil || lookErr.Error() != err.Error() {
		t.Errorf("%s %v: got %#v, predicted %v, want %q", name, a, err, lookErr, part)
	}
}

// Whatever is there, stat says what it is, and remove takes it away, and nothing else, or says why not.
func TestG28StatAndRemoveWhateverIsThere(t *testing.T) {
	kinds := map[string]string{
		"absent": "", "link to a file": "symlink", "link to a directory": "symlink", "dangling link": "symlink", "link to itself": "symlink", "empty directory": "directory",
		"other directory": "directory", "closed directory": "directory", "full directory": "directory", "pipe": "pipe", "device": "char_device",
	}
	for _, s := range states() {
		if os.Geteuid() != 0 && s.root {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			dir := t.TempDir()
			path := dir + "/x"
			s.make(t, path)
			t.Cleanup(func() { _ = unix.Chmod(path, 0o700) })
			before := actiontest.Snapshot(t, dir)
			got := reads(t, "stat", args{"path": path})
			kind, listed := kinds[s.name]
			if !listed {
				kind = "file"
			}
			if kind == "" {
				if !reflect.DeepEqual(got, map[string]any{"path": path, "exists": false}) {
					t.Errorf("%v", got)
				}
			} else {
				var st unix.Stat_t
				actiontest.OK(t, unix.Lstat(path, &st))
				target, _ := os.Readlink(path)
				want := fmt.Sprint(true, kind, st.Size, octal(st.Mode&0o7777), st.Uid, st.Gid, st.Nlink, time.Unix(st.Mtim.Sec, 0).UTC().Format(time.RFC3339))
				if had := fmt.Sprint(got["exists"], got["type"], got["size"], got["mode"], got["uid"], got["gid"], got["links"], got["modified"]); had != want || got["target"] != nil && got["target"] != target || (got["target"] != nil) != (kind == "symlink") {
					t.Errorf("got %v, want %v", had, want)
				}
			}
			if now := actiontest.Snapshot(t, dir); now != before {
				t.Fatalf("changed:\n%s\n%s", before, now)
			}
			b := actiontest.New(t)
			if s.name == "full directory" {
				refused(t, "remove", args{"path": path}, "is not empty")
			}
			if s.name == "closed directory" && os.Geteuid() != 0 {
				refused(t, "remove", args{"path": path, "recurse": true}, "permission denied")
				return
			}
			rest := actiontest.Entries(t, dir)
			a := args{"path": path, "recurse": s.name == "full directory"}
			predicted, err := b.Preview("remove", a)
			actiontest.OK(t, err)
			if now := actiontest.Snapshot(t, dir); now != before {
				t.Fatalf("changed:\n%s\n%s", before, now)
			}
			did := b.Must("remove", a)
			if !reflect.DeepEqual(predicted, did) {
				t.Errorf("predicted %+v, got %+v", predicted, did)
			}
			if kind == "directory" && did.Before["entries"] == nil || s.name == "full directory" && did.Before["entries"] != 4 {
				t.Errorf("before: %v", did.Before)
			}
			rest = slices.DeleteFunc(rest, func(name string) bool { return name == "x" })
			if now := actiontest.Entries(t, dir); !slices.Equal(now, rest) {
				t.Errorf("left %v, want %v", now, rest)
			}
			b.Verb(b.Must("remove", a), wire.VerbNone)
			if got := reads(t, "stat", args{"path": path}); got["exists"] != false {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestG28StatAndRemoveAsAnOrdinaryUser(t *testing.T) {
	actiontest.AsNobody(t, "TestG28StatAndRemoveWhateverIsThere")
}

func TestStatOfOddPlaces(t *testing.T) {
	dir := t.TempDir()
	actiontest.Write(t, dir+"/x", "hello\n", 0o640)
	actiontest.OK(t, os.Symlink("x", dir+"/link"))
	actiontest.OK(t, os.Symlink("nowhere", dir+"/dangling"))
	for _, c := range []struct {
		args args
		want string // exists, type and digest
	}{
		{args{"path": "/"}, "true directory <nil>"},
		{args{"path": "/.."}, "true directory <nil>"},
		{args{"path": dir + "/.."}, "true directory <nil>"},
		{args{"path": dir + "/"}, "true directory <nil>"},
		{args{"path": dir + "/x", "sha256": true}, "true file 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"},
		{args{"path": dir + "/link", "sha256": true}, "true symlink <nil>"},
		{args{"path": dir + "/link", "sha256": true, "follow": true}, "true file 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"},
		{args{"path": dir + "/dangling", "follow": true}, "false <nil> <nil>"},
		{args{"path": dir + "/no/such/place"}, "false <nil> <nil>"},
		{args{"path": dir + "/x/below"}, "false <nil> <nil>"},
		{args{"path": "/dev/null"}, "true char_device <nil>"},
	} {
		got := reads(t, "stat", c.args)
		if had := fmt.Sprint(got["exists"], got["type"], got["sha256"]); strings.ReplaceAll(had, " ", "") != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%v: %v", c.args, got)
		}
	}
	actiontest.OK(t, os.Symlink("loop", dir+"/loop"))
	refused(t, "stat", args{"path": dir + "/loop/x"}, "too many symbolic links")
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	actiontest.Write(t, dir+"/text", "héllo\n", 0o600)
	actiontest.Write(t, dir+"/empty", "", 0o600)
	actiontest.Write(t, dir+"/most", strings.Repeat("x", 1<<20), 0o600)
	actiontest.Write(t, dir+"/more", strings.Repeat("x", 1<<20+1), 0o600)
	actiontest.Write(t, dir+"/binary", "\x00\xff", 0o600)
	actiontest.OK(t, os.Symlink("text", dir+"/link"))
	actiontest.OK(t, unix.Mkfifo(dir+"/pipe", 0o600))
	for name, want := range map[string]string{"/text": "héllo\n", "/link": "héllo\n", "/empty": "", "/most": strings.Repeat("x", 1<<20)} {
		if got := reads(t, "read", args{"path": dir + name}); got["content"] != want || got["size"] != len(want) || got["base64"] != nil {
			t.Errorf("%s: %.100v", name, got)
		}
	}
	if got := reads(t, "read", args{"path": dir + "/binary"}); got["content"] != nil || got["base64"] != base64.StdEncoding.EncodeToString([]byte("\x00\xff")) {
		t.Errorf("%v", got)
	}
	if got := reads(t, "read", args{"path": "/proc/sys/kernel/ostype"}); got["content"] != "Linux\n" { // stat says that it is empty
		t.Errorf("%v", got)
	}
	refused(t, "read", args{"path": dir + "/more"}, "more than 1048576 bytes")
	refused(t, "read", args{"path": dir + "/none"}, "does not exist")
	refused(t, "read", args{"path": dir + "/no/ne"}, "does not exist")
	refused(t, "read", args{"path": dir}, "it is a directory")
	refused(t, "read", args{"path": dir + "/pipe"}, "it is a pipe")
	refused(t, "read", args{"path": "/dev/zero"}, "it is a device")
}

// G30: what a user has put into its own directory shows nothing that is another's.
func TestG30ReadFollowsNoLinksOfOthers(t *testing.T) {
	actiontest.NeedsRoot(t)
	dir := actiontest.OpenTemp(t)
	actiontest.Write(t, dir+"/secret", "root's alone\n", 0o600)
	actiontest.OK(t, os.Mkdir(dir+"/own", 0o755))
	actiontest.Write(t, dir+"/own/text", "mine\n", 0o600)
	actiontest.OK(t, os.Symlink(dir+"/secret", dir+"/own/link"))
	actiontest.OK(t, os.Symlink("text", dir+"/own/good"))
	for _, name := range []string{"", "/text", "/link", "/good"} {
		actiontest.OK(t, os.Lchown(dir+"/own"+name, actiontest.Nobody, actiontest.Nobody))
	}
	refused(t, "read", args{"path": dir + "/own/link"}, "is not followed")
	if got := reads(t, "read", args{"path": dir + "/own/good"}); got["content"] != "mine\n" {
		t.Errorf("%v", got)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"/a", "/a/deep", "/.hidden", "/b"} {
		actiontest.OK(t, os.Mkdir(dir+d, 0o755))
	}
	for name, size := range map[string]int{"/one.log": 1, "/two.log": 2, "/a/three.log": 3, "/a/deep/four.conf": 4, "/.hidden/five.log": 5, "/.six.log": 6} {
		actiontest.Write(t, dir+name, strings.Repeat("x", size), 0o640)
	}
	old := time.Now().Add(-48 * time.Hour)
	actiontest.OK(t, os.Chtimes(dir+"/two.log", old, old))
	actiontest.OK(t, os.Symlink("/etc", dir+"/b/etc"))
	actiontest.OK(t, os.Symlink("a", dir+"/start"))
	for _, c := range []struct {
		args args
		want string
	}{
		{args{}, "one.log two.log"},
		{args{"hidden": true}, ".six.log one.log two.log"},
		{args{"recurse": true}, "a/deep/four.conf a/three.log one.log two.log"},
		{args{"recurse": true, "hidden": true, "names": []string{"*.log"}}, ".hidden/five.log .six.log a/three.log one.log two.log"},
		{args{"recurse": true, "depth": 2}, "a/three.log one.log two.log"},
		{args{"depth": 3, "names": []string{"*.conf", "o*"}}, "a/deep/four.conf one.log"},
		{args{"recurse": true, "type": "directory"}, "a a/deep b"},
		{args{"recurse": true, "type": "symlink"}, "b/etc start"},
		{args{"recurse": true, "type": "any", "names": []string{"a", "etc", "one*"}}, "a b/etc one.log"},
		{args{"recurse": true, "regex": "^a/.*\\.log$"}, "a/three.log"},
		{args{"recurse": true, "min_size": 2, "max_size": 3}, "a/three.log two.log"},
		{args{"max_size": 0}, ""},
		{args{"older_than": "24h"}, "two.log"},
		{args{"newer_than": "24h"}, "one.log"},
		{args{"recurse": true, "limit": 2}, "a/deep/four.conf a/three.log truncated"},
		{args{"limit": 2}, "one.log two.log"},
	} {
		got := reads(t, "find", actiontest.Merged(c.args, args{"path": dir}))
		var names []string
		for _, f := range got["files"].([]any) {
			file := f.(map[string]any)
			names = append(names, strings.TrimPrefix(file["path"].(string), dir+"/"))
			if file["type"] == "symlink" && file["target"] == nil || file["mode"] == nil || file["modified"] == nil {
				t.Errorf("%v", file)
			}
		}
		if got["truncated"] == true {
			names = append(names, "truncated")
		}
		if had := strings.Join(names, " "); had != c.want || len(got["unreadable"].([]any)) > 0 {
			t.Errorf("%v: %v, want %v", c.args, had, c.want)
		}
	}
	if got := reads(t, "find", args{"path": dir + "/start"}); len(got["files"].([]any)) != 1 {
		t.Errorf("through a link: %v", got)
	}
	if got := reads(t, "find", args{"path": "/", "type": "any", "names": []string{"etc"}}); len(got["files"].([]any)) != 1 {
		t.Errorf("the root directory: %v", got)
	}
	if got := actiontest.AttributesOf(t, reads(t, "find", args{"path": dir, "names": []string{"none"}})); got["files"] == nil {
		t.Errorf("nothing found: %v", got)
	}
	refused(t, "find", args{"path": dir + "/none"}, "does not exist")
	refused(t, "find", args{"path": dir + "/one.log"}, "it is a file")
}

// What a user may not read is said, and nothing is made of it.
func TestLookingAsAnOrdinaryUser(t *testing.T) { actiontest.AsNobody(t, "TestLookingWithoutRights") }

func TestLookingWithoutRights(t *testing.T) {
	if os.Geteuid() == 0 {
		return // TestLookingAsAnOrdinaryUser runs it
	}
	dir := t.TempDir()
	actiontest.OK(t, os.MkdirAll(dir+"/closed/in", 0o755))
	actiontest.OK(t, os.Chmod(dir+"/closed", 0))
	defer func() { _ = os.Chmod(dir+"/closed", 0o700) }()
	refused(t, "stat", args{"path": dir + "/closed/in"}, "permission denied")
	refused(t, "read", args{"path": "/etc/shadow"}, "permission denied")
	refused(t, "find", args{"path": dir + "/closed"}, "permission denied")
	refused(t, "remove", args{"path": "/etc/passwd"}, "permission denied")
	refused(t, "remove", args{"path": "/etc/ssl", "recurse": true}, "permission denied")
	if got := reads(t, "find", args{"path": dir, "recurse": true, "type": "any"}); fmt.Sprint(got["unreadable"]) != "["+dir+"/closed]" || len(got["files"].([]any)) != 1 {
		t.Errorf("%v", got)
	}
}

// In a plan, what an earlier task may change is not known yet, and what none touches is.
func TestPreviewsOfLooking(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	actiontest.Write(t, dir+"/x", "old\n", 0o600)
	actiontest.Write(t, dir+"/y", "other\n", 0o600)
	env := b.Env(wire.ModeLook)
	look := func(name string, a args) action.Outcome {
		t.Helper()
		out, err := b.Make(name, a).Look(t.Context(), env)
		actiontest.OK(t, err)
		return out
	}
	known := func(want bool, name string, a args) {
		t.Helper()
		out := look(name, a)
		b.Verb(out, wire.VerbRead)
		if (out.Values != nil) != want || slices.Contains(out.Change.Unknown, "result") == want {
			t.Errorf("%s %v: %+v", name, a, out)
		}
	}
	known(true, "stat", args{"path": dir + "/x"})
	look("file", args{"path": dir + "/x", "content": "new\n"})
	known(false, "stat", args{"path": dir + "/x"})
	known(false, "read", args{"path": dir + "/x"})
	known(false, "find", args{"path": dir})
	known(false, "find", args{"path": "/"})
	known(true, "read", args{"path": dir + "/y"})
	look("remove", args{"path": dir + "/y"})
	known(true, "stat", args{"path": dir + "/y"})
	known(true, "stat", args{"path": "/etc/passwd"})
	env.Unknown = []string{"path"}
	if out, err := b.Make("stat", nil).Look(t.Context(), env); err != nil || out.Values != nil || !slices.Equal(out.Change.Unknown, env.Unknown) {
		t.Errorf("%+v, %v", out, err)
	}
	env.Unknown = nil
	// A directory is not empty if an earlier task puts something there, and is if one takes it away.
	actiontest.OK(t, os.Mkdir(dir+"/d", 0o755))
	look("file", args{"path": dir + "/d/new", "content": ""})
	if _, err := b.Make("remove", args{"path": dir + "/d"}).Look(t.Context(), env); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("got %v", err)
	}
	look("remove", args{"path": dir + "/d/new"})
	b.Verb(look("remove", args{"path": dir + "/d"}), wire.VerbRemove)
	env.View.Disturb()
	known(false, "stat", args{"path": "/etc/passwd"})
	known(false, "read", args{"path": dir + "/none"})
	known(false, "find", args{"path": dir + "/none"})
}

// Mount points stay, and so does everything around them.
func TestRemoveRefusesMountPoints(t *testing.T) {
	dir := tmpfs(t, "size=1m,mode=0755")
	actiontest.OK(t, os.MkdirAll(dir+"/a/b", 0o755))
	actiontest.Write(t, dir+"/a/file", "x", 0o644)
	actiontest.OK(t, unix.Mount("none", dir+"/a/b", "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { _ = unix.Unmount(dir+"/a/b", unix.MNT_DETACH) })
	actiontest.Write(t, dir+"/a/b/precious", "x", 0o644)
	actiontest.Write(t, dir+"/target", "x", 0o644)
	actiontest.OK(t, unix.Mount(dir+"/a/file", dir+"/target", "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(dir+"/target", unix.MNT_DETACH) })
	before := actiontest.Snapshot(t, dir)
	refused(t, "remove", args{"path": dir, "recurse": true}, "is mounted")
	refused(t, "remove", args{"path": dir + "/a", "recurse": true}, "is mounted at "+dir+"/a/b")
	refused(t, "remove", args{"path": dir + "/a/b", "recurse": true}, "is mounted there")
	refused(t, "remove", args{"path": dir + "/target"}, "is mounted there")
	actiontest.OK(t, unix.Mount("none", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	refused(t, "remove", args{"path": dir + "/a/file"}, "read-only file system")
	actiontest.OK(t, unix.Mount("none", dir, "", unix.MS_REMOUNT, ""))
	if now := actiontest.Snapshot(t, dir); now != before {
		t.Errorf("changed:\n%s\n%s", before, now)
	}
}
