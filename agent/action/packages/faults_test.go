//go:build linux

package packages_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// says checks what the error of an action says.
func says(t testing.TB, err error, want ...string) { t.Helper(); _ = problem(t, err, want...) }

// problem is the error of an action, which is to say something.
func problem(t testing.TB, err error, want ...string) *wire.Problem {
	t.Helper()
	p, ok := errors.AsType[*wire.Problem](err)
	if !ok {
		t.Fatalf("the error is %v, want %q", err, want)
	}
	for _, text := range want {
		if !strings.Contains(p.Message+"\n"+p.Hint, text) {
			t.Errorf("the error is %q (%s), which does not say %q\n%s", p.Message, p.Hint, text, p.Quote)
		}
	}
	return p
}

// TestPackageThatIsNotThere: a name, a version or something needed that nobody has is an error of the preview already, in
// the manager's words, and nothing is changed.
func TestPackageThatIsNotThere(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			r := newRepository(t, kind)
			b := actiontest.New(t)
			b.Must("package", args{"name": "runner-other", "manager": kind})
			for _, wish := range []args{
				{"names": []any{"runner-lib", "runner-missing"}},
				{"name": "runner-lib", "version": "9.9-9"},
				{"name": "runner-broken"},
			} {
				wish["manager"] = kind
				for _, do := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
					_, err := do("package", wish)
					if p := problem(t, err, "cannot install runner-"); len(p.Quote) == 0 || strings.Contains(p.Message, "ended with status") {
						t.Errorf("%v: %s, quote %q", wish, p.Message, p.Quote)
					}
					if wish["version"] != nil && kind == "apt" {
						says(t, err, "there is no version 9.9-9 of runner-lib, but ", "refresh = ")
					}
					if wish["name"] == nil {
						says(t, err, "runner-missing", "Check the name")
					}
				}
			}
			if got := r.installed(); strings.Contains(got, "runner-lib") || strings.Contains(got, "runner-broken") {
				t.Errorf("something was done: %q", got)
			}
		})
	}
}

// TestPackageIndex: without an index, or with one that is too old, a preview knows no versions and changes nothing; the run
// gets one first. Where all is there it gets none.
func TestPackageIndex(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			r := newRepository(t, kind)
			b := actiontest.New(t)
			plan, err := b.Preview("package", args{"name": "runner-app", "manager": kind})
			if err != nil || plan.Change.Verb != wire.VerbUpdate || strings.Join(plan.Change.Unknown, " ") != "runner-app" {
				t.Errorf("planned %+v, %v", plan, err)
			}
			out := b.Must("package", args{"name": "runner-app", "manager": kind})
			if !same(out.After, map[string]any{"runner-app": "1.0-1", "runner-lib": "1.0-1"}) {
				t.Errorf("done: %v", out.After)
			}
			_, second := tinies()
			r.add(second...)
			latest := args{"name": "runner-app", "state": "latest", "manager": kind}
			if plan, err := b.Preview("package", latest); err != nil || plan.Change.Verb != wire.VerbNone {
				t.Errorf("by the index that is there: %+v, %v", plan, err)
			}
			latest["refresh"] = "0s"
			if plan, err := b.Preview("package", latest); err != nil || plan.Change.Verb != wire.VerbUpdate || len(plan.Change.Unknown) == 0 {
				t.Errorf("by an index that is to come: %+v, %v", plan, err)
			}
			if b.Must("package", latest); !strings.Contains(r.installed(), "runner-app=2.0-1") {
				t.Errorf("latest is %q", r.installed())
			}
			actiontest.OK(t, os.RemoveAll(r.dir))
			if out := b.Must("package", args{"name": "runner-app", "manager": kind, "refresh": "0s"}); out.Change.Verb != wire.VerbNone {
				t.Errorf("the second time it is %+v", out)
			}
		})
	}
}

// TestPackageWithoutNetwork: what cannot be reached is the error where it matters, and a repository that is not reached is not
// taken; where the old index does, it does.
func TestPackageWithoutNetwork(t *testing.T) {
	r := newRepository(t, "apt")
	b := actiontest.New(t)
	far := args{"name": "far", "manager": "apt", "uris": []any{"http://127.0.0.1:9"}, "suites": []any{"./"}}
	_, err := b.Apply("repository", far)
	says(t, err, "cannot read the repository far, which is taken back", "check its network")
	runs(t, "apt-get", "update")
	r.write("/etc/apt/sources.list.d/far.list", "deb [trusted=yes] http://127.0.0.1:9 ./\n")
	b.Must("package", args{"name": "runner-lib", "refresh": "0s"})
	for range 2 { // the index does not count as new after the first time
		_, err = b.Apply("package", args{"name": "runner-far", "refresh": "24h"})
		actiontest.OK(t, os.Chtimes("/var/lib/apt/lists/partial", time.Unix(0, 0), time.Unix(0, 0)))
		if err == nil {
			t.Fatal("a package that nobody has is there")
		}
	}
	says(t, err, "cannot refresh the index of packages", "127.0.0.1", "check its network")
}

// TestPackageFiles: files on the target, with what they need from elsewhere.
func TestPackageFiles(t *testing.T) {
	first, second := tinies()
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			r := newRepository(t, kind)
			b := actiontest.New(t)
			b.Must("package", args{"name": "runner-other", "manager": kind})
			r.build(second[0])
			for _, files := range [][]any{{r.file(first[1])}, {r.file(second[0])}, {r.file(second[0]), r.file(first[1])}} {
				r.predicted(b, args{"names": files, "manager": kind})
			}
			if got := r.installed(); !strings.Contains(got, "runner-app=1.0-1") || !strings.Contains(got, "runner-lib=2.0-1") {
				t.Errorf("installed is %q", got)
			}
			r.predicted(b, args{"name": r.file(first[1]), "state": "absent", "manager": kind})
			_, err := b.Preview("package", args{"name": "/nowhere/it.deb", "manager": kind})
			says(t, err, "cannot read /nowhere/it.deb")
			r.write(r.dir+"/none", "no package")
			_, err = b.Preview("package", args{"name": r.dir + "/none", "manager": kind})
			says(t, err, "cannot look into "+r.dir+"/none")
			env := b.Env(wire.ModeLook) // a file that an earlier task brings
			if _, err := b.Make("file", args{"path": "/srv/it.deb", "content": "x"}).Look(t.Context(), env); err != nil {
				t.Fatal(err)
			}
			if out, err := b.Make("package", args{"name": "/srv/it.deb", "manager": kind}).Look(t.Context(), env); err != nil || len(out.Change.Unknown) == 0 {
				t.Errorf("a file that an earlier task brings: %+v, %v", out, err)
			}
		})
	}
}

// TestPackageAfterPrograms: what an earlier task may bring is unknown, and what comes after a package is, too.
func TestPackageAfterPrograms(t *testing.T) {
	r := newRepository(t, "apt")
	runs(t, "apt-get", "update")
	b := actiontest.New(t)
	env := b.Env(wire.ModeLook)
	if _, err := b.Make("package", args{"name": "runner-other"}).Look(t.Context(), env); err != nil || !env.View.Disturbed() {
		t.Errorf("disturbed %v, %v", env.View.Disturbed(), err)
	}
	for _, wish := range []args{{"name": "runner-missing"}, {"name": "runner-lib", "manager": "pkg"}} {
		if out, err := b.Make("package", wish).Look(t.Context(), env); err != nil || out.Change.Verb != wire.VerbUpdate || len(out.Change.Unknown) != 1 {
			t.Errorf("%v: %+v, %v", wish, out, err)
		}
	}
	env = b.Env(wire.ModeLook)
	if _, err := b.Make("file", args{"path": "/etc/apt/sources.list.d/more.list", "content": "x"}).Look(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	if out, err := b.Make("package", args{"name": "runner-missing"}).Look(t.Context(), env); err != nil || len(out.Change.Unknown) != 1 {
		t.Errorf("after a repository: %+v, %v", out, err)
	}
	if got := r.installed(); got != "" {
		t.Errorf("the previews have installed %q", got)
	}
}

// TestG28PackageLooks: a preview leaves everything as it is, times of modification included.
func TestG28PackageLooks(t *testing.T) {
	newRepository(t, "apt")
	runs(t, "apt-get", "update")
	b := actiontest.New(t)
	shot := func() string {
		return actiontest.Snapshot(t, "/var/lib/dpkg") + actiontest.Snapshot(t, "/var/lib/apt") + actiontest.Snapshot(t, "/var/cache/apt") + actiontest.Snapshot(t, "/etc/apt")
	}
	before := shot()
	for _, wish := range []args{{"name": "runner-app"}, {"name": "runner-app", "state": "latest"}, {"name": "runner-missing"}, {"name": "runner-app", "refresh": "0s"}} {
		_, _ = b.Preview("package", wish)
	}
	for refresh, why := range map[string]string{"0s": "the index of packages is refreshed first", "1ns": "the index of packages is older than 1ns, and is refreshed first"} {
		out, err := b.Preview("package", args{"name": "runner-app", "refresh": refresh})
		if actiontest.OK(t, err); len(out.Change.Unknown) != 1 || out.Change.Why != why {
			t.Errorf("%s: unknown %v, because %s", refresh, out.Change.Unknown, out.Change.Why)
		}
	}
	if shot() != before {
		t.Error("the previews have changed something")
	}
}

// lock holds a lock as another manager would, for a while. It names this process as its holder.
func lock(t *testing.T, file string, long time.Duration) {
	t.Helper()
	actiontest.OK(t, os.WriteFile(file, []byte(fmt.Sprintln(os.Getpid())), 0o644))
	held, err := os.OpenFile(file, os.O_RDWR, 0)
	actiontest.OK(t, err)
	actiontest.OK(t, unix.FcntlFlock(held.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
	timer := time.AfterFunc(long, func() {
		_ = os.Remove(file) // what some of them go by
		_ = held.Close()
	})
	t.Cleanup(func() { timer.Stop(); _ = held.Close() })
}

// TestPackageLock: a manager that is at work for somebody else is waited for, and named when time is up.
func TestPackageLock(t *testing.T) {
	for kind, file := range map[string]string{"apt": "/var/lib/dpkg/lock-frontend", "zypper": "/run/zypp.pid", "pacman": "/var/lib/pacman/db.lck"} {
		if !slices.Contains(kinds(), kind) {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			newRepository(t, kind)
			b := actiontest.New(t)
			b.Must("package", args{"name": "runner-other", "manager": kind})
			lock(t, file, 2*time.Second)
			if kind == "apt" {
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				_, err := actiontest.Run(ctx, b.Env(wire.ModeApply), b.Make("package", args{"name": "runner-lib", "manager": kind}))
				if p := problem(t, err, "at work for somebody else", "held by process "+strconv.Itoa(os.Getpid())); p.Code != wire.CodeTimeout {
					t.Errorf("the code is %s", p.Code)
				}
			}
			began := time.Now()
			if b.Must("package", args{"name": "runner-lib", "manager": kind}); time.Since(began) < 500*time.Millisecond {
				t.Error("nothing was waited for: the test's lock is none")
			}
		})
	}
}

// TestPackageHalfDone: what dpkg was interrupted in is set right, and a package whose script fails is told as that, with
// the script's own words, and as something that is not done.
func TestPackageHalfDone(t *testing.T) {
	r := newRepository(t, "apt")
	first, _ := tinies()
	runs(t, "apt-get", "update")
	b := actiontest.New(t)
	runs(t, "dpkg", "--unpack", r.file(first[0]))
	actiontest.OK(t, os.WriteFile("/var/lib/dpkg/updates/0001", nil, 0o644))
	out := b.Must("package", args{"name": "runner-other"})
	if !same(out.After, map[string]any{"runner-other": "1.0-1", "runner-lib": "1.0-1"}) || !strings.Contains(r.installed(), "runner-lib=1.0-1 runner-other=1.0-1") {
		t.Errorf("done %v -> %v, installed %q", out.Before, out.After, r.installed())
	}
	_, err := b.Apply("package", args{"name": "runner-fails"})
	if p := problem(t, err, "cannot install runner-fails"); !strings.Contains(p.Quote, "it broke") {
		t.Errorf("the quote is %q", p.Quote)
	}
	plan, err := b.Preview("package", args{"name": "runner-fails"})
	if err != nil || plan.Before["runner-fails"] != "1.0-1 (unfinished)" || plan.After["runner-fails"] != "1.0-1" {
		t.Errorf("planned %v -> %v, %v", plan.Before, plan.After, err)
	}
	r.write("/var/lib/dpkg/info/runner-fails.postinst", "#!/bin/sh\n")
	if out := b.Must("package", args{"name": "runner-fails"}); out.Change.Verb != wire.VerbUpdate {
		t.Errorf("finished by %s", out.Change.Verb)
	}
}

// TestPackageConfiguration: configuration files that were changed stay without a question, and go when they are to.
func TestPackageConfiguration(t *testing.T) {
	r := newRepository(t, "apt")
	first, second := tinies()
	r.put(first[0], first[1])
	r.add(second...)
	runs(t, "apt-get", "update")
	b := actiontest.New(t)
	r.write("/etc/runner-app.conf", "mine\n")
	b.Must("package", args{"name": "runner-app", "state": "latest"})
	if got := actiontest.Read(t, "/etc/runner-app.conf"); got != "mine\n" {
		t.Errorf("the configuration is %q", got)
	}
	b.Must("package", args{"name": "runner-app", "state": "absent"})
	if _, err := os.Stat("/etc/runner-app.conf"); err != nil {
		t.Error(err)
	}
	if out := b.Must("package", args{"name": "runner-app", "state": "absent"}); out.Change.Verb != wire.VerbNone {
		t.Errorf("the second time it is %+v", out)
	}
	purge := args{"name": "runner-app", "state": "absent", "purge": true}
	plan, err := b.Preview("package", purge)
	if err != nil || plan.Change.Verb != wire.VerbRemove {
		t.Errorf("planned %+v, %v", plan, err)
	}
	b.Must("package", purge)
	if _, err := os.Stat("/etc/runner-app.conf"); err == nil {
		t.Error("the configuration is still there")
	}
	if out := b.Must("package", purge); out.Change.Verb != wire.VerbNone {
		t.Errorf("the second time it is %+v", out)
	}
}

// TestG24PackageIsNotCut: a task that is ended, or whose time is up, while the manager works ends when that has.
func TestG24PackageIsNotCut(t *testing.T) {
	r := newRepository(t, "apt")
	runs(t, "apt-get", "update")
	b := actiontest.New(t)
	_ = os.Remove("/tmp/runner-slow.pid")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for range 1000 {
			if _, err := os.Stat("/tmp/runner-slow.pid"); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	out, err := actiontest.Run(ctx, b.Env(wire.ModeApply), b.Make("package", args{"name": "runner-slow"}))
	if ctx.Err() == nil || err != nil || out.Change.Verb != wire.VerbCreate || r.installed() != "runner-slow=1.0-1" {
		t.Errorf("ended as %+v, %v; installed %q", out, err, r.installed())
	}
	if runs(t, "dpkg", "--audit") != "" {
		t.Error("something is half done")
	}
}

// TestG26PackageStartsDaemon: what a package starts lives on, and nobody waits for it.
func TestG26PackageStartsDaemon(t *testing.T) {
	r := newRepository(t, "apt")
	r.add(tiny{name: "runner-daemon", version: "1.0-1", then: "sleep 300 & echo $! >/tmp/runner-daemon.pid"})
	runs(t, "apt-get", "update")
	actiontest.New(t).Must("package", args{"name": "runner-daemon"})
	pid, err := strconv.Atoi(strings.TrimSpace(actiontest.Read(t, "/tmp/runner-daemon.pid")))
	actiontest.OK(t, err)
	actiontest.OK(t, os.Remove("/tmp/runner-daemon.pid"))
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Errorf("the daemon has gone: %v", err)
	}
}

// TestPackageReadOnly: on a file system that is mounted read-only nothing is waited for, and the error says so.
func TestPackageReadOnly(t *testing.T) {
	newRepository(t, "apt")
	runs(t, "apt-get", "update")
	b := actiontest.New(t)
	actiontest.OK(t, unix.Mount("/var/lib/dpkg", "/var/lib/dpkg", "", unix.MS_BIND, ""))
	defer unix.Unmount("/var/lib/dpkg", unix.MNT_DETACH) //nolint:errcheck // it goes with the test
	actiontest.OK(t, unix.Mount("", "/var/lib/dpkg", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	began := time.Now()
	_, err := b.Apply("package", args{"name": "runner-lib"})
	if says(t, err, "cannot install runner-lib", "read-only"); time.Since(began) > 5*time.Second {
		t.Error("something was waited for")
	}
}

// TestPackageNeedsRoot: an ordinary user is told so by the preview.
func TestPackageNeedsRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		newRepository(t, "apt")
		actiontest.AsNobody(t, t.Name())
		return
	}
	b := actiontest.New(t)
	_, err := b.Preview("package", args{"name": "runner-lib"})
	says(t, err, "only root", "run_as")
	_, err = b.Apply("package", args{"name": "runner-lib"})
	says(t, err, "only root", "run_as")
}
