package lane

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/wire"
)

// Above the lanes each target has a range of bytes, in which each run has one. All agents of a run that are on the target
// share a lock on the run's byte: it is the run's as long as one of them lives.
const (
	runs  = int64(1) << 62 // where the ranges begin; 1<<31 of them, behind each other
	span  = int64(1) << 30 // bytes of a range
	gate  = int64(3) << 61 // locked while one looks whose a target is, and takes it
	notes = 64 << 10       // bytes of the file that are read
)

// parting is how long one waits in any case, without a word: a run does not wait for agents to end that have nothing to
// do, so the next one may meet them.
const parting = time.Second

// HeldError says that the target is another run's.
type HeldError struct {
	Run wire.Run // without an ID if that run has left no word
}

func (e *HeldError) Error() string {
	if e.Run.ID == "" {
		return "another run holds the lock"
	}
	return fmt.Sprintf("run %s holds the lock: %s by %s, since %s", e.Run.ID, e.Run.Command, e.Run.By, e.Run.Since.UTC().Format(time.RFC3339))
}

// Join makes the target the run's until Close, also where other processes have made it that. While it is another run's,
// Join waits for so long as patience says, and tells once if that takes long. It fails with a *HeldError, an *UnusableError, or
// the cause of ctx.
func (l *Lanes) Join(ctx context.Context, run wire.Run, patience time.Duration, waits func(*HeldError)) error {
	began := time.Now()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		held, err := l.join(ctx, run)
		if err != nil || held == nil {
			return err
		}
		waited := time.Since(began)
		if waited >= max(patience, l.parting) {
			return held
		}
		if waited >= l.parting && waits != nil {
			waits(held)
			waits = nil
		}
		if err := rest(ctx, pause); err != nil {
			return err
		}
	}
}

// join tries once.
func (l *Lanes) join(ctx context.Context, run wire.Run) (*HeldError, error) {
	for {
		files, err := l.open()
		if err != nil {
			return nil, err
		}
		held, err := l.joinIn(ctx, files, run)
		if held != nil || err != nil {
			return held, err
		}
		if !l.retire(files) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.run = &run
			return nil, nil
		}
	}
}

// rejoin takes the run's lock in the files that others find now. If another run was faster, the target is both's.
func (l *Lanes) rejoin(ctx context.Context) {
	l.mu.Lock()
	run := l.run
	l.mu.Unlock()
	if run != nil {
		_, _ = l.join(ctx, *run)
	}
}

func (l *Lanes) joinIn(ctx context.Context, files []*os.File, run wire.Run) (*HeldError, error) {
	l.looking.Lock()
	defer l.looking.Unlock()
	for i, f := range files {
		if err := lock(ctx, f, gate, time.Time{}, nil); err != nil {
			unlock(files[:i], gate)
			return nil, err
		}
	}
	defer unlock(files, gate)
	from := l.runs()
	at := from + 1 + int64(hash(run.ID))%(span-2)
	for _, f := range files {
		for _, r := range []struct{ from, to int64 }{{from, at}, {at + 1, from + span}} {
			by, err := lockedIn(f, r.from, r.to-r.from)
			if err != nil {
				return nil, err
			}
			if by != 0 {
				return heldBy(f, by), nil
			}
		}
	}
	for _, f := range files {
		if err := control(f, unix.F_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart, Start: at, Len: 1}); err != nil {
			unlock(files, at)
			return nil, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
		}
	}
	for _, f := range files {
		leaveWord(f, note{At: at, Run: run})
	}
	return nil, nil
}

// runs is where the range of the target begins.
func (l *Lanes) runs() int64 {
	return runs + int64(hash(l.target.Machine+"\x00"+l.target.User)>>1)*span
}

func hash(text string) uint32 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint32(sum[:])
}

// lockedIn returns the first byte of a range that another process has locked; 0 if there is none.
func lockedIn(f *os.File, from, length int64) (int64, error) {
	l := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: from, Len: length}
	if err := control(f, unix.F_GETLK, &l); err != nil {
		return 0, fmt.Errorf("cannot ask who has locked %s: %w", f.Name(), err)
	}
	if l.Type == unix.F_UNLCK {
		return 0, nil
	}
	return l.Start, nil
}

// note tells whose a byte is. The file holds those of the runs that have locked one. It is for people: the locks count.
type note struct {
	At  int64    `cbor:"1,keyasint"`
	Run wire.Run `cbor:"2,keyasint"`
}

func heldBy(f *os.File, at int64) *HeldError {
	for _, n := range read(f) {
		if n.At == at {
			return &HeldError{Run: n.Run}
		}
	}
	return &HeldError{}
}

// leaveWord adds a note, unless another agent of the run has, and drops those of runs that have ended. The gate is held.
func leaveWord(f *os.File, own note) {
	own.Run.Since = time.Now()
	var kept []note
	for _, n := range read(f) {
		if by, err := lockedIn(f, n.At, 1); err == nil && by != 0 {
			kept = append(kept, n)
			if n.At == own.At {
				return
			}
		}
	}
	data, err := wire.Marshal(append(kept, own))
	if err == nil {
		_, err = f.WriteAt(data, 0)
	}
	if err == nil {
		err = f.Truncate(int64(len(data)))
	}
	_ = err // on a full disk nobody can say whose the lock is
}

func read(f *os.File) []note {
	data, err := io.ReadAll(io.NewSectionReader(f, 0, notes))
	if err != nil || len(data) == 0 {
		return nil
	}
	var all []note
	if wire.Unmarshal(data, &all) != nil {
		return nil
	}
	return all
}
