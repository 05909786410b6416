// Package lane sees to it that a target, one user of one running system, does one thing at a time, whoever asks and by
// whatever chain, and that it is one run's at a time. Both are locks of the operating system that die with their holder.
// Its neighbours are agent, which takes a lane around each call, and agent/facts, which says what a target's identity is. It queues nothing:
// whoever waits asks again.
package lane

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/wire"
)

const (
	firstPause = 2 * time.Millisecond
	lastPause  = 50 * time.Millisecond
	long       = 2 * time.Second // a wait that is told of
)

// Lanes are the lanes of one target. One process has one of it: its locks do not exclude each other.
type Lanes struct {
	target  wire.Target
	home    string
	shared  []string // directories that every user can write to
	parting time.Duration

	looking sync.Mutex // held with the gate, which keeps out other processes only

	mu    sync.Mutex // guards what follows
	files []*os.File
	stale []*os.File // were locked, and have lost their names since
	made  string     // the directory of the user's caches, if it was not there
	run   *wire.Run  // whose the target is, through this process; nil: nobody's
}

// New returns the lanes of a target whose user has that home by the user database; "" is one that the database does not
// know.
func New(target wire.Target, home string) *Lanes {
	return &Lanes{target: target, home: home, parting: parting, shared: []string{"/dev/shm", "/var/tmp", "/tmp"}}
}

// UnusableError says that there is no place for locks that belongs to this user alone.
type UnusableError struct {
	Err error // what is wrong with each place
}

func (e *UnusableError) Error() string {
	return fmt.Sprintf("cannot take a lane: no directory is this user's alone: %v", e.Err)
}

func (e *UnusableError) Unwrap() error { return e.Err }

// Acquire waits until the lane is ours, and returns what gives it back. "" is the default lane. If that takes long, waits is
// told once who holds it, such as "process 812 (agent-1f0c)"; it may be nil. Acquire fails when ctx ends, with its cause, and
// with an *UnusableError.
func (l *Lanes) Acquire(ctx context.Context, name string, waits func(holder string)) (release func(), err error) {
	at := l.offset(name)
	tell := time.Now().Add(long)
	for {
		files, err := l.open()
		if err != nil {
			return nil, err
		}
		for i, f := range files { // always in this order, so that two never wait for each other
			if err := lock(ctx, f, at, tell, waits); err != nil {
				unlock(files[:i], at)
				return nil, err
			}
		}
		if !l.retire(files) {
			return sync.OnceFunc(func() { unlock(files, at) }), nil
		}
		unlock(files, at)
		l.rejoin(ctx)
	}
}

// retire tells whether one of the files has lost its name, so that others lock another one. Then they are not used any
// more; they stay open, because closing one would give up what else is locked in it.
func (l *Lanes) retire(files []*os.File) bool {
	if !slices.ContainsFunc(files, nameless) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) > 0 && l.files[0] == files[0] { // nobody else was faster
		l.stale = append(l.stale, files...)
		l.files = nil
	}
	return true
}

// offset names a lane in the files that all targets of a user share: machines can have one home, and one /tmp.
func (l *Lanes) offset(name string) int64 {
	sum := sha256.Sum256([]byte(l.target.Machine + "\x00" + l.target.User + "\x00" + name))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 2)
}

func lock(ctx context.Context, f *os.File, at int64, tell time.Time, waits func(string)) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		held, err := try(f, at)
		if err != nil || held {
			return err
		}
		if waits != nil && time.Now().After(tell) {
			waits(lockedBy(f, at))
			waits = nil
		}
		if err := rest(ctx, pause); err != nil {
			return err
		}
	}
}

// lockedBy names the process that has locked a byte, as far as it can be known: it may be seen by no number from here.
func lockedBy(f *os.File, at int64) string {
	l := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: at, Len: 1}
	if err := control(f, unix.F_GETLK, &l); err != nil || l.Type == unix.F_UNLCK || l.Pid <= 0 {
		return "another process"
	}
	text := "process " + strconv.Itoa(int(l.Pid))
	if name, err := os.ReadFile("/proc/" + strconv.Itoa(int(l.Pid)) + "/comm"); err == nil {
		text += " (" + strings.TrimSpace(string(name)) + ")"
	}
	return text
}

func rest(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func try(f *os.File, at int64) (bool, error) {
	err := control(f, unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: at, Len: 1})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES), errors.Is(err, unix.EINTR):
		return false, nil
	}
	return false, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
}

func unlock(files []*os.File, at int64) {
	for _, f := range files {
		_ = control(f, unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart, Start: at, Len: 1})
	}
}

func control(f *os.File, command int, l *unix.Flock_t) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	result := error(nil)
	err = raw.Control(func(fd uintptr) { result = unix.FcntlFlock(fd, command, l) })
	return errors.Join(err, result)
}

// open opens the files to lock: one in the home, or where there is none to write to, one in every directory that could
// do instead. All of those have to be held, since others may not find the same ones.
func (l *Lanes) open() ([]*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files != nil {
		return l.files, nil
	}
	var wrong []error
	f, err := persist(l.openHome)
	if err == nil {
		l.files = []*os.File{f}
		return l.files, nil
	}
	wrong = append(wrong, err)
	for _, dir := range l.shared {
		f, err := persist(func() (*os.File, error) { return openIn(filepath.Join(dir, ".runner-"+strconv.Itoa(os.Geteuid()))) })
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		l.files = append(l.files, f)
	}
	if l.files == nil {
		return nil, &UnusableError{Err: errors.Join(wrong...)}
	}
	return l.files, nil
}

// nameless tells whether a file has lost its name, or another one has it now.
func nameless(f *os.File) bool {
	here, err := f.Stat()
	named, missing := os.Lstat(f.Name())
	return err != nil || missing != nil || !os.SameFile(here, named)
}

// persist opens again what others, who have ended, have just removed.
func persist(open func() (*os.File, error)) (f *os.File, err error) {
	const most = 100
	for range most {
		if f, err = open(); !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	return f, err
}

func (l *Lanes) openHome() (*os.File, error) {
	if !filepath.IsAbs(l.home) {
		return nil, fmt.Errorf("the home %q is no absolute path", l.home)
	}
	if err := owned(os.Stat(l.home)); err != nil {
		return nil, fmt.Errorf("the home %s: %w", l.home, err)
	}
	dir := filepath.Join(l.home, ".cache")
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	f, failed := openIn(filepath.Join(dir, "runner"))
	if err == nil {
		l.made = dir
		if failed != nil {
			_ = os.Remove(dir)
		}
	}
	return f, failed
}

// openIn opens the file in a directory of ours, which is made if it is not there. A directory by that name that is
// somebody else's, or a link, is not used.
func openIn(dir string) (*os.File, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	here, err := root.Stat(".")
	if err := owned(here, err); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	switch named, err := os.Lstat(dir); {
	case err != nil:
		return nil, err
	case named.Mode()&os.ModeSymlink != 0:
		return nil, fmt.Errorf("%s is a link", dir)
	case !os.SameFile(named, here):
		return nil, fmt.Errorf("%s was removed: %w", dir, os.ErrNotExist)
	}
	if here.Mode().Perm()&0o077 != 0 {
		if err := root.Chmod(".", 0o700); err != nil {
			return nil, err
		}
	}
	f, err := root.OpenFile("lanes", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	// Some network file systems have no locks.
	if err := control(f, unix.F_GETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: 1 << 61, Len: 1}); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
	}
	return f, nil
}

func owned(info os.FileInfo, err error) error {
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
		return errors.New("it belongs to somebody else")
	}
	return nil
}

// Close gives up every lane.
func (l *Lanes) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.files {
		remove(f)
	}
	if l.made != "" {
		_ = os.Remove(l.made) // it may hold more by now
	}
	for _, f := range slices.Concat(l.files, l.stale) {
		_ = f.Close()
	}
	l.files, l.stale = nil, nil
}

// remove removes a file, and its directory if nothing else is in it, unless somebody has a lane. Whoever has only opened
// it finds after locking it that it has lost its name.
func remove(f *os.File) {
	if control(f, unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}) != nil {
		return
	}
	if nameless(f) {
		return
	}
	_ = os.Remove(f.Name())
	_ = os.Remove(filepath.Dir(f.Name()))
}
