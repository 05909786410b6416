package lane

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"runner/agent/wire"
)

// TestMain lets the test binary hold a lane for a test: locks exclude processes, not goroutines.
func TestMain(m *testing.M) {
	if os.Getenv("LANE_HOME") != "" {
		hold()
		return
	}
	os.Exit(m.Run())
}

func fromEnvironment() *Lanes {
	l := New(wire.Target{Machine: os.Getenv("LANE_MACHINE"), User: os.Getenv("LANE_USER")}, os.Getenv("LANE_HOME"))
	l.shared = strings.Split(os.Getenv("LANE_SHARED"), ":")
	l.parting = 0
	return l
}

// hold takes the lane, says so, and gives it back when its input ends.
func hold() {
	l := fromEnvironment()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	release, err := func() {}, error(nil)
	if run := os.Getenv("LANE_RUN"); run != "" {
		err = l.Join(ctx, runOf(run), 0, nil)
	} else {
		release, err = l.Acquire(ctx, os.Getenv("LANE_NAME"), nil)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	if alone := os.Getenv("LANE_ALONE"); alone != "" { // it fails if another one is there
		if err := os.Mkdir(alone, 0o700); err != nil {
			fmt.Println(err)
			return
		}
		time.Sleep(time.Millisecond)
		_ = os.Remove(alone)
		release()
		l.Close()
	}
	fmt.Println("held")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	release()
	fmt.Println("released")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

// place is where lanes are kept in a test.
type place struct {
	machine, home, shared, name string
	uid                         int
}

func newPlace(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	p := place{machine: "m", home: dir + "/home", shared: dir + "/shm:" + dir + "/tmp", uid: os.Getuid()}
	for _, d := range []string{"home", "shm", "tmp"} {
		mode := os.FileMode(0o777) | os.ModeSticky
		if d == "home" {
			mode = 0o700
		}
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, d), mode); err != nil {
			t.Fatal(err)
		}
	}
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) { // other users must be able to enter
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p place) lanes() *Lanes {
	l := New(wire.Target{Machine: p.machine, User: "u"}, p.home)
	l.shared = strings.Split(p.shared, ":")
	l.parting = 0
	return l
}

// holder is another process that holds a lane, or says why it does not.
type holder struct {
	cmd  *exec.Cmd
	in   interface{ Close() error }
	out  *bufio.Reader
	says string
}

func (p place) holder(t *testing.T) *holder {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if p.uid != os.Getuid() { // it may not be able to execute the one where it is
		data, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		self = filepath.Join(filepath.Dir(p.home), "holder")
		if err := os.WriteFile(self, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h := &holder{cmd: exec.CommandContext(t.Context(), self)}
	h.cmd.Env = []string{"LANE_MACHINE=" + p.machine, "LANE_USER=u", "LANE_HOME=" + p.home, "LANE_SHARED=" + p.shared, "LANE_NAME=" + p.name, "LANE_RUN=" + os.Getenv("LANE_RUN"), "LANE_ALONE=" + os.Getenv("LANE_ALONE")}
	if p.uid != os.Getuid() {
		h.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)}}
	}
	in, err := h.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.cmd.Stderr = os.Stderr
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = h.cmd.Wait()
	})
	h.in, h.out = in, bufio.NewReader(out)
	line, err := h.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	h.says = strings.TrimSpace(line)
	return h
}

// waits says whether the lane cannot be had at present.
func waits(t *testing.T, l *Lanes, name string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	release, err := l.Acquire(ctx, name, nil)
	if err == nil {
		release()
		return false
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	return true
}

// TestG19OneAtATime: a lane that another process holds is waited for; other lanes and other targets are not.
func TestG19OneAtATime(t *testing.T) {
	p := newPlace(t)
	h := p.holder(t)
	if h.says != "held" {
		t.Fatal(h.says)
	}
	l := p.lanes()
	defer l.Close()
	if !waits(t, l, "") {
		t.Error("two hold the same lane")
	}
	if waits(t, l, "other") {
		t.Error("another lane has to wait")
	}
	other := p
	other.machine = "clone" // which shares the home
	ol := other.lanes()
	defer ol.Close()
	if waits(t, ol, "") {
		t.Error("another machine with the same home has to wait")
	}
	acquired := make(chan error)
	go func() {
		release, err := l.Acquire(t.Context(), "", nil)
		if err == nil {
			release()
		}
		acquired <- err
	}()
	_ = h.in.Close()
	if err := <-acquired; err != nil {
		t.Error(err)
	}
}

// TestG20LockDiesWithItsHolder: at once, however it dies.
func TestG20LockDiesWithItsHolder(t *testing.T) {
	p := newPlace(t)
	h := p.holder(t)
	l := p.lanes()
	defer l.Close()
	if !waits(t, l, "") {
		t.Fatal("two hold the same lane")
	}
	began := time.Now()
	time.AfterFunc(100*time.Millisecond, func() { _ = h.cmd.Process.Kill() })
	release, err := l.Acquire(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if took := time.Since(began); took > 500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

// TestHomeThatCannotBeUsed: then the lane is in every directory that can, and two who find different ones still meet.
func TestHomeThatCannotBeUsed(t *testing.T) {
	p := newPlace(t)
	p.home = "/proc/no-home"
	h := p.holder(t)
	if h.says != "held" {
		t.Fatal(h.says)
	}
	for shared := range strings.SplitSeq(p.shared, ":") {
		one := p
		one.shared = shared
		l := one.lanes()
		if !waits(t, l, "") {
			t.Errorf("with %s alone the lane is free", shared)
		}
		l.Close()
	}
	nowhere := p
	nowhere.shared = "/proc"
	l := nowhere.lanes()
	defer l.Close()
	var unusable *UnusableError
	if _, err := l.Acquire(t.Context(), "", nil); !errors.As(err, &unusable) {
		t.Errorf("without any place: %v", err)
	}
}

// TestG19OthersCannotBlock: other users of the machine have lanes of their own, and cannot take ours.
func TestG19OthersCannotBlock(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be another user")
	}
	p := newPlace(t)
	p.home = "/proc/no-home"
	other := p
	other.home, other.uid = filepath.Join(filepath.Dir(strings.Split(p.shared, ":")[0]), "x"), 65534
	if h := other.holder(t); h.says != "held" {
		t.Fatalf("another user: %s", h.says)
	}
	l := p.lanes()
	if waits(t, l, "") {
		t.Error("another user's lane is ours")
	}
	l.Close()

	// Somebody else makes our directories before we do, or puts links there.
	p = newPlace(t)
	p.home = "/proc/no-home"
	dirs := strings.Split(p.shared, ":")
	mine := filepath.Join(dirs[0], ".runner-0")
	if err := os.Mkdir(mine, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(mine, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	if err := os.Symlink(target, filepath.Join(dirs[1], ".runner-0")); err != nil {
		t.Fatal(err)
	}
	l = p.lanes()
	defer l.Close()
	var unusable *UnusableError
	if _, err := l.Acquire(t.Context(), "", nil); !errors.As(err, &unusable) {
		t.Errorf("somebody else's directories are used: %v", err)
	}
	if names, _ := os.ReadDir(target); len(names) > 0 {
		t.Errorf("%v was put where a link leads", names)
	}
}

func TestOffsetsDiffer(t *testing.T) {
	seen := map[int64]string{}
	for _, machine := range []string{"a", "b"} {
		for _, user := range []string{"0", "1"} {
			for _, name := range []string{"", "x", "y"} {
				l := New(wire.Target{Machine: machine, User: user}, "")
				at := l.offset(name)
				if at < 0 || seen[at] != "" {
					t.Errorf("%s %s %s is at %d, as %s", machine, user, name, at, seen[at])
				}
				seen[at] = machine + user + name
			}
		}
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	p := newPlace(t)
	p.holder(t)
	l := p.lanes()
	defer l.Close()
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	if _, err := l.Acquire(ctx, "", nil); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}

// TestG19FileIsRemoved: where the file that is locked has lost its name, the one that others find counts.
func TestG19FileIsRemoved(t *testing.T) {
	p := newPlace(t)
	l := p.lanes()
	defer l.Close()
	take := func(l *Lanes) (func(), error) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errBusy)
		defer cancel()
		return l.Acquire(ctx, p.name, nil)
	}
	release, err := take(l)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(p.home, ".cache")); err != nil {
		t.Fatal(err)
	}
	release()
	other := p.holder(t)
	if other.says != "held" {
		t.Fatalf("the other one says %q", other.says)
	}
	if _, err := take(l); !errors.Is(err, errBusy) {
		t.Errorf("two hold one lane: %v", err)
	}
	_ = other.in.Close()
	_ = other.cmd.Wait()
	if release, err = take(l); err != nil {
		t.Fatal(err)
	}
	release()
	if n := len(l.stale); n != 1 {
		t.Errorf("%d files are kept beside the one in use", n)
	}
}

// TestG21NothingIsLeft: what lanes need is removed with them, unless somebody else has one; whoever waits does not lose by it.
func TestG21NothingIsLeft(t *testing.T) {
	for _, home := range []bool{true, false} {
		p := newPlace(t)
		if !home {
			p.home = "/proc/no-home"
		}
		base := filepath.Dir(strings.Split(p.shared, ":")[0])
		before := list(t, base)
		l := p.lanes()
		if waits(t, l, "") {
			t.Error("nobody has the lane")
		}
		l.Close()
		if after := list(t, base); after != before {
			t.Errorf("left:\n%s\nbefore:\n%s", after, before)
		}
		if home {
			if err := os.Mkdir(filepath.Join(p.home, ".cache"), 0o700); err != nil {
				t.Fatal(err)
			}
			before = list(t, base)
		}
		l = p.lanes()
		if waits(t, l, "") {
			t.Error("nobody has the lane")
		}
		h := p.holder(t)
		if h.says != "held" {
			t.Fatal(h.says)
		}
		l.Close()
		l = p.lanes()
		if !waits(t, l, "") {
			t.Error("two hold the same lane")
		}
		_ = h.in.Close()
		_ = h.cmd.Wait()
		l.Close()
		if after := list(t, base); after != before {
			t.Errorf("left:\n%s\nbefore:\n%s", after, before)
		}
	}
}

// TestG19ManyComeAndGo: processes that come and go, and remove the file as they do, never hold the lane together.
func TestG19ManyComeAndGo(t *testing.T) {
	p := newPlace(t)
	lock := filepath.Join(t.TempDir(), "held")
	t.Setenv("LANE_ALONE", lock)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 15 {
				h := p.holder(t)
				if h.says != "held" {
					t.Error(h.says)
				}
				_ = h.in.Close()
				_ = h.cmd.Wait()
			}
		})
	}
	all.Wait()
}

func list(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		out = append(out, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

var errBusy = errors.New("busy")
