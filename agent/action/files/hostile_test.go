//go:build linux

package files_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action/actiontest"
	"runner/agent/action/catalog"
	"runner/agent/wire"
)

// playground makes a directory that another user, or everybody, may write to, and a victim that only root may.
func playground(t *testing.T, perm uint32, owner int) (dir, victim string) {
	t.Helper()
	actiontest.NeedsRoot(t)
	base := actiontest.OpenTemp(t)
	dir, victim = base+"/dir", base+"/victim"
	actiontest.OK(t, os.Mkdir(dir, 0o700))
	actiontest.OK(t, os.Chown(dir, owner, owner))
	actiontest.OK(t, unix.Chmod(dir, perm))
	actiontest.OK(t, os.Mkdir(victim, 0o755))
	actiontest.Write(t, victim+"/shadow", "precious\n", 0o600)
	return dir, victim
}

func linkAs(t *testing.T, owner int, target, path string) {
	t.Helper()
	actiontest.OK(t, os.Symlink(target, path))
	actiontest.OK(t, os.Lchown(path, owner, owner))
}

// G30: a link that somebody else could have put there is not followed, neither to write nor to look, unless it leads to
// that user's own directory, where nothing is to be won.
func TestG30LinksOfOthersAreNotFollowed(t *testing.T) {
	for _, c := range []struct {
		name    string
		perm    uint32
		dir     int // its owner
		link    int // its owner
		to      string
		allowed bool
	}{
		{"sticky directory, link of another", 0o1777, 0, actiontest.Nobody, "victim", false},
		{"sticky directory, link of root", 0o1777, 0, 0, "victim", true},
		{"open directory, link of root", 0o777, 0, 0, "victim", false},
		{"another's directory, link of root", 0o755, actiontest.Nobody, 0, "victim", false},
		{"another's directory, its own link", 0o755, actiontest.Nobody, actiontest.Nobody, "victim", false},
		{"another's directory, its own link to its own directory", 0o755, actiontest.Nobody, actiontest.Nobody, "own", true},
		{"another's directory, its own link to a third one's", 0o755, actiontest.Nobody, actiontest.Nobody, "third", false},
		{"root's directory, link of another", 0o755, 0, actiontest.Nobody, "victim", false},
		{"root's directory, link of root", 0o755, 0, 0, "victim", true},
		{"root's directory, link of root to another's", 0o755, 0, 0, "own", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := actiontest.New(t)
			dir, victim := playground(t, c.perm, c.dir)
			base := filepath.Dir(dir)
			actiontest.OK(t, os.Mkdir(base+"/own", 0o755))
			actiontest.OK(t, os.Chown(base+"/own", actiontest.Nobody, actiontest.Nobody))
			actiontest.OK(t, os.Mkdir(base+"/third", 0o755))
			actiontest.OK(t, os.Chown(base+"/third", 1234, 1234))
			actiontest.Write(t, base+"/"+c.to+"/shadow", "precious\n", 0o600)
			linkAs(t, c.link, base+"/"+c.to, dir+"/link")
			before := actiontest.Snapshot(t, victim)
			for _, w := range []wish{
				{action: "file", args: args{"path": "/shadow", "content": "mine\n"}},
				{action: "file", args: args{"path": "/new", "content": "mine\n"}},
				{action: "file", args: args{"path": "/shadow", "mode": "0666"}},
				{action: "symlink", args: args{"path": "/sym", "target": "x"}},
				{action: "directory", args: args{"path": "/sub"}},
				{action: "directory", args: args{"path": "", "mode": "0777"}},
				{action: "file", args: args{"path": "/shadow", "state": "absent"}},
			} {
				a := actiontest.Merged(w.args, args{"path": dir + "/link" + w.args["path"].(string)})
				_, lookErr := b.Preview(w.action, a)
				_, err := b.Apply(w.action, a)
				if (lookErr == nil) != c.allowed || (err == nil) != c.allowed {
					t.Errorf("%s %v: %v, %v", w.action, a, lookErr, err)
				}
				if err != nil && !strings.Contains(err.Error(), "is not followed") {
					t.Errorf("%s %v: %v", w.action, a, err)
				}
			}
			if !c.allowed && actiontest.Snapshot(t, victim) != before {
				t.Errorf("the victim was changed")
			}
		})
	}
}

// G30: what is at the very path is never written through, and hard links to what others must not reach are not changed.
func TestG30NothingIsWrittenThrough(t *testing.T) {
	b := actiontest.New(t)
	dir, victim := playground(t, 0o1777, 0)
	before := actiontest.Snapshot(t, victim)
	linkAs(t, actiontest.Nobody, victim+"/shadow", dir+"/x")
	if _, err := b.Apply("file", args{"path": dir + "/x", "content": "mine\n", "in_place": true}); err == nil {
		t.Error("in place through a link")
	}
	if _, err := b.Apply("file", args{"path": dir + "/x", "mode": "0666"}); err == nil {
		t.Error("the mode through a link")
	}
	b.Must("file", args{"path": dir + "/x", "content": "mine\n", "backup": true})
	if now := actiontest.Snapshot(t, victim); now != before {
		t.Errorf("the victim was changed:\n%s", now)
	}
	if actiontest.Read(t, dir+"/x") != "mine\n" || len(actiontest.Entries(t, dir)) != 1 {
		t.Errorf("got %v", actiontest.Entries(t, dir))
	}
	actiontest.OK(t, os.Link(victim+"/shadow", dir+"/hard"))
	before = actiontest.Snapshot(t, victim)
	for _, a := range []args{{"mode": "0666"}, {"owner": "nobody"}, {"content": "mine\n", "in_place": true}} {
		_, err := b.Apply("file", actiontest.Merged(a, args{"path": dir + "/hard"}))
		if err == nil || !strings.Contains(err.Error(), "hard links") {
			t.Errorf("%v: %v", a, err)
		}
	}
	if now := actiontest.Snapshot(t, victim); now != before {
		t.Errorf("the victim was changed:\n%s", now)
	}
	// Neither where it comes between Look and Act.
	for _, a := range []args{{"mode": "0604"}, {"content": "mine\n", "in_place": true}} {
		actiontest.Write(t, dir+"/late", "fine\n", 0o644)
		action, env := b.Make("file", actiontest.Merged(a, args{"path": dir + "/late"})), b.Env(wire.ModeApply)
		found, err := action.Look(t.Context(), env)
		actiontest.OK(t, err)
		actiontest.OK(t, os.Remove(dir+"/late"))
		actiontest.OK(t, os.Link(victim+"/shadow", dir+"/late"))
		before = actiontest.Snapshot(t, victim)
		if _, err := action.Act(t.Context(), env, found); err == nil || actiontest.Snapshot(t, victim) != before {
			t.Errorf("%v: %v", a, err)
		}
		actiontest.OK(t, os.Remove(dir+"/late"))
	}
	b.Must("file", args{"path": dir + "/hard", "content": "mine\n"})
	if actiontest.Read(t, victim+"/shadow") != "precious\n" {
		t.Error("the victim was written to")
	}
}

// G30: somebody who swaps a directory, a file or a link for another while root works there wins nothing.
func TestG30ConcurrentSwaps(t *testing.T) {
	b := actiontest.New(t)
	dir, victim := playground(t, 0o777, actiontest.Nobody)
	before := actiontest.Snapshot(t, victim)
	attack := fmt.Sprintf(`cd %[1]s; mkdir d1 2>/dev/null; ln -s %[2]s l1
		while :; do
			mv -T d1 d 2>/dev/null; mv -T d d1; mv -T l1 d 2>/dev/null; mv -T d l1
			ln -sf %[2]s/shadow x; ln -sf %[2]s/shadow d1/x; rm -f x; mkdir x 2>/dev/null; rmdir x
		done`, dir, victim)
	cmd := exec.Command("/bin/sh", "-c", attack)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: actiontest.Nobody, Gid: actiontest.Nobody}, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	actiontest.OK(t, cmd.Start())
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	worked := 0
	for deadline := time.Now().Add(4 * time.Second); time.Now().Before(deadline); {
		for _, w := range []wish{
			{action: "file", args: args{"path": dir + "/d/shadow", "content": "mine\n", "mode": "0666", "owner": "nobody"}},
			{action: "file", args: args{"path": dir + "/d/x", "content": "mine\n", "in_place": true}},
			{action: "file", args: args{"path": dir + "/x", "content": fmt.Sprint(worked), "mode": "0666"}},
			{action: "file", args: args{"path": dir + "/x", "mode": "0666"}},
			{action: "directory", args: args{"path": dir + "/d", "mode": "0777", "owner": "nobody"}},
			{action: "directory", args: args{"path": dir + "/d/made/deep", "mode": "0777"}},
			{action: "symlink", args: args{"path": dir + "/d/sym", "target": "/"}},
			{action: "file", args: args{"path": dir + "/d/shadow", "state": "absent"}},
			{action: "directory", args: args{"path": dir + "/d", "state": "absent"}},
		} {
			if _, err := b.Apply(w.action, w.args); err == nil {
				worked++
			}
		}
		if now := actiontest.Snapshot(t, victim); now != before {
			t.Fatalf("the victim was changed:\n%s\n%s", before, now)
		}
	}
	if worked == 0 {
		t.Error("nothing ever worked: the race was not run")
	}
	t.Logf("%d tasks worked", worked)
}

// TestMain can also be the program that TestG21G29KillLeavesNothing kills: it writes the same files over and over.
func TestMain(m *testing.M) {
	// What this process has inherited is not what the tests are about.
	_ = unix.CloseRange(3, 1<<31, unix.CLOSE_RANGE_CLOEXEC)
	dir := os.Getenv("RUNNER_TEST_KILLED")
	if dir == "" {
		m.Run()
		return
	}
	b := &actiontest.Bench{}
	for i := 0; ; i++ {
		for _, w := range []wish{
			{action: "file", args: args{"path": dir + "/old", "content": strings.Repeat(fmt.Sprintf("%08d\n", i), 4096), "mode": "0640", "owner": "1234"}},
			{action: "file", args: args{"path": dir + "/new", "content": strings.Repeat("n", 32<<10), "mode": "0604"}},
			{action: "symlink", args: args{"path": dir + "/link", "target": fmt.Sprint(i)}},
			{action: "file", args: args{"path": dir + "/new", "state": "absent"}},
		} {
			for _, d := range catalog.All() {
				if d.Name != w.action {
					continue
				}
				encoded, err := wire.Marshal(w.args)
				if err != nil {
					panic(err)
				}
				action, _, err := d.Decode(encoded)
				if err != nil {
					panic(err)
				}
				if _, err := actiontest.Run(context.Background(), b.Env(wire.ModeApply), action); err != nil {
					panic(err)
				}
			}
		}
	}
}

// G21, G29: killed at any moment, the files are whole, have their owner and mode, and nothing else is there; or, if it
// was killed between the two calls of a replacement, only the hidden name that the next one takes away.
func TestG21G29KillLeavesNothing(t *testing.T) {
	actiontest.NeedsRoot(t)
	dir := t.TempDir()
	remains := 0
	for range 40 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "RUNNER_TEST_KILLED="+dir)
		actiontest.OK(t, cmd.Start())
		for range 100 { // until it is at work
			if _, err := os.Lstat(dir + "/link"); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		actiontest.OK(t, cmd.Process.Kill())
		_ = cmd.Wait()
		for _, name := range actiontest.Entries(t, dir) {
			var st unix.Stat_t
			actiontest.OK(t, unix.Lstat(dir+"/"+name, &st))
			switch name {
			case "old", ".old.runner-0":
				content := actiontest.Read(t, dir+"/"+name)
				if st.Mode&0o7777 != 0o640 || st.Uid != 1234 || len(content) != 9*4096 || strings.Repeat(content[:9], 4096) != content {
					t.Fatalf("%s: %o %d %d bytes", name, st.Mode, st.Uid, len(content))
				}
			case "new":
				if st.Mode&0o7777 != 0o604 || st.Size != 32<<10 {
					t.Fatalf("%s: %o, %d bytes", name, st.Mode, st.Size)
				}
			case "link", ".link.runner-0":
			default:
				t.Fatalf("%s is left", name)
			}
			if strings.HasPrefix(name, ".") {
				remains++
			}
		}
	}
	if remains > 20 {
		t.Errorf("%d hidden names were left", remains)
	}
	b := actiontest.New(t)
	b.Must("file", args{"path": dir + "/old", "content": "end\n"})
	b.Must("symlink", args{"path": dir + "/link", "target": "end"})
	b.Must("file", args{"path": dir + "/new", "content": "end\n"})
	if got := actiontest.Entries(t, dir); !slices.Equal(got, []string{"link", "new", "old"}) {
		t.Errorf("after the next run: %v", got)
	}
	t.Logf("%d hidden names were left in 40 kills", remains)
}
