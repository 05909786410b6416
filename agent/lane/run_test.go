package lane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runner/agent/wire"
)

func runOf(id string) wire.Run { return wire.Run{ID: id, By: "alice@laptop", Command: "apply"} }

// runner is another process that is an agent of a run.
func (p place) runner(t *testing.T, run string) *holder {
	t.Helper()
	t.Setenv("LANE_RUN", run)
	return p.holder(t)
}

// joins says whose the target is; "" if the run has it now.
func joins(t *testing.T, l *Lanes, run string) string {
	t.Helper()
	err := l.Join(t.Context(), runOf(run), 0, nil)
	if held, ok := errors.AsType[*HeldError](err); ok {
		return held.Run.ID
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

// TestG20OneRunAtATime: a target is one run's as long as one of its agents lives, however many there are; who comes from
// another run learns whose it is. Other targets are not concerned.
func TestG20OneRunAtATime(t *testing.T) {
	for _, home := range []bool{true, false} {
		p := newPlace(t)
		if !home {
			p.home = "/proc/no-home"
		}
		first, second := p.runner(t, "one"), p.runner(t, "one")
		if first.says != "held" || second.says != "held" {
			t.Fatalf("two agents of one run say %q and %q", first.says, second.says)
		}
		l := p.lanes()
		defer l.Close()
		if by := joins(t, l, "two"); by != "one" {
			t.Errorf("the target is held by %q", by)
		}
		other := p
		other.machine = "clone" // which shares the home
		if h := other.runner(t, "three"); h.says != "held" {
			t.Errorf("on another machine: %s", h.says)
		}
		_ = first.in.Close()
		_ = first.cmd.Wait()
		if by := joins(t, l, "two"); by != "one" {
			t.Errorf("the target is held by %q, and one agent is left", by)
		}
		_ = second.in.Close()
		_ = second.cmd.Wait()
		if by := joins(t, l, "two"); by != "" {
			t.Errorf("the target is held by %q, whose agents have ended", by)
		}
		if h := p.runner(t, "one"); !strings.Contains(h.says, "run two holds the lock: apply by alice@laptop, since 2") {
			t.Errorf("it says %q", h.says)
		}
	}
}

// TestG20RunDiesWithItsHolder: who waits has the target once the holder was killed, and was told once whose it is.
func TestG20RunDiesWithItsHolder(t *testing.T) {
	p := newPlace(t)
	h := p.runner(t, "one")
	l := p.lanes()
	defer l.Close()
	told := 0
	err := l.Join(t.Context(), runOf("two"), time.Minute, func(held *HeldError) {
		told++
		if held.Run.ID != "one" {
			t.Errorf("it waits for %q", held.Run.ID)
		}
		_ = h.cmd.Process.Kill()
	})
	if err != nil || told != 1 {
		t.Errorf("it was told %d times, and got %v", told, err)
	}
}

func TestWaitingForARunEnds(t *testing.T) {
	p := newPlace(t)
	p.runner(t, "one")
	l := p.lanes()
	defer l.Close()
	var held *HeldError
	if err := l.Join(t.Context(), runOf("two"), 20*time.Millisecond, nil); !errors.As(err, &held) {
		t.Errorf("after its patience: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	err := l.Join(ctx, runOf("two"), time.Minute, func(*HeldError) { cancel(errBusy) })
	if !errors.Is(err, errBusy) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestG20OthersCannotHoldARun: what another user of the machine does has no effect on whose our target is.
func TestG20OthersCannotHoldARun(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be another user")
	}
	p := newPlace(t)
	p.home = "/proc/no-home"
	other := p
	other.home, other.uid = filepath.Join(filepath.Dir(strings.Split(p.shared, ":")[0]), "x"), 65534
	if h := other.runner(t, "one"); h.says != "held" {
		t.Fatalf("another user: %s", h.says)
	}
	l := p.lanes()
	defer l.Close()
	if by := joins(t, l, "two"); by != "" {
		t.Errorf("another user's run %q holds our target", by)
	}
}

// TestG20FileOfRunsIsRemoved: a run whose task empties the cache takes its lock in the next file too.
func TestG20FileOfRunsIsRemoved(t *testing.T) {
	p := newPlace(t)
	l := p.lanes()
	defer l.Close()
	if by := joins(t, l, "one"); by != "" {
		t.Fatal(by)
	}
	if err := os.RemoveAll(filepath.Join(p.home, ".cache")); err != nil {
		t.Fatal(err)
	}
	if waits(t, l, "") {
		t.Fatal("nobody has the lane")
	}
	if h := p.runner(t, "two"); !strings.Contains(h.says, "run one holds the lock") {
		t.Errorf("another run says %q", h.says)
	}
}

// TestDamagedNotes: whatever is in the file, the locks count.
func TestDamagedNotes(t *testing.T) {
	p := newPlace(t)
	h := p.runner(t, "one")
	l := p.lanes()
	defer l.Close()
	file := filepath.Join(p.home, ".cache", "runner", "lanes")
	for _, content := range []string{"", "\xff\xff", strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var held *HeldError
		if err := l.Join(t.Context(), runOf("two"), 0, nil); !errors.As(err, &held) || held.Run.ID != "" {
			t.Errorf("with %.5q in the file: %v", content, err)
		}
	}
	_ = h.in.Close()
	_ = h.cmd.Wait()
	if by := joins(t, l, "two"); by != "" {
		t.Error(by)
	}
	if got, err := os.ReadFile(file); err != nil || len(got) > 200 {
		t.Errorf("the file has %d bytes: %v", len(got), err)
	}
}
