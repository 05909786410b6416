package process

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestG25WholeTreeEnds: what a task has started ends with it, also in a session of its own, forked twice, with its
// output elsewhere.
func TestG25WholeTreeEnds(t *testing.T) {
	for name, script := range map[string]string{
		"child":              `sleep 300 & echo $! >>$F; wait`,
		"pipeline":           `(echo $$ >/dev/null; sleep 300) | cat & echo $! >>$F; wait`,
		"session":            `setsid sleep 300 & echo $! >>$F; wait`,
		"orphan":             `(sleep 300 & echo $! >>$F); sleep 200`,
		"orphan in session":  `(setsid sh -c 'echo $$ >>$F; exec sleep 300' >/dev/null 2>&1 </dev/null &); sleep 200`,
		"forked again":       `(setsid sh -c '(sleep 300 >/dev/null 2>&1 & echo $! >>$F)' &) ; sleep 200`,
		"stopped":            `sleep 300 & kill -STOP $!; echo $! >>$F; sleep 200`,
		"main ignores":       `trap "" TERM; echo $$ >>$F; while :; do sleep 1; done`,
		"child ignores":      `(trap "" TERM; while :; do sleep 1; done) & echo $! >>$F; wait`,
		"restarts its child": `trap 'sleep 300 & echo $! >>$F; exit' TERM; while :; do sleep 0.1; done`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			isolated(t, "tree", script)
		})
	}
}

// isolated runs a part of a test in a process of its own, whose children are all that part's.
func isolated(t *testing.T, part, script string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tb := NewSharedTable()
	defer tb.Close()
	e := run(t, tb, Command{
		Argv: []string{self, "-test.run=^TestPart$", "-test.v"},
		Env:  append(os.Environ(), "PART="+part, "SCRIPT="+script, "F="+filepath.Join(t.TempDir(), "pids")),
	})
	if e.Status != 0 || !bytes.Contains(e.Stdout, []byte("--- PASS: TestPart")) {
		t.Errorf("%+v\n%s\n%s", e.Reason, e.Stdout, e.Stderr)
	}
}

// TestPart is what isolated runs.
func TestPart(t *testing.T) {
	switch os.Getenv("PART") {
	case "":
		t.Log("only run by other tests")
	case "tree":
		tb := table(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan Exit)
		go func() {
			e, _ := tb.Run(ctx, sh(os.Getenv("SCRIPT")))
			done <- e
		}()
		restarts := strings.Contains(os.Getenv("SCRIPT"), "exit' TERM")
		var running []int
		if restarts {
			time.Sleep(200 * time.Millisecond)
		} else {
			running = pids(t, os.Getenv("F"), 1)
		}
		began := time.Now()
		cancel()
		e := <-done
		if e.Reason != ReasonCancelled || time.Since(began) > grace+killing {
			t.Errorf("after %v: %+v", time.Since(began), e)
		}
		if restarts {
			running = pids(t, os.Getenv("F"), 1)
		}
		for _, pid := range running {
			gone(t, pid)
		}
	case "leftover":
		tb := table(t)
		first := run(t, tb, sh(`setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $!`))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if e, err := tb.Run(ctx, sh(`sleep 300`)); err != nil || e.Reason != ReasonTimeout {
			t.Fatalf("%+v, %v", e, err)
		}
		daemon := end(t, first)
		if err := unix.Kill(daemon, 0); err != nil {
			t.Errorf("a later task's end has ended the daemon of an earlier one: %v", err)
		}
		kill(t, daemon)
	case "beside":
		tb := table(t)
		hop, err := tb.Start(sh(`cat; exit 0`), nil)
		if err != nil {
			t.Fatal(err)
		}
		slow := make(chan Exit)
		go func() {
			e, _ := tb.Run(t.Context(), sh(`(setsid sh -c 'echo $$ >$F; exec sleep 300' >/dev/null 2>&1 &); sleep 1; echo fine`))
			slow <- e
		}()
		daemon := pids(t, os.Getenv("F"), 1)[0]
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if e, err := tb.Run(ctx, sh(`sleep 300`)); err != nil || e.Reason != ReasonTimeout {
			t.Fatalf("%+v, %v", e, err)
		}
		if e := <-slow; string(e.Stdout) != "fine\n" {
			t.Errorf("the task beside was ended too: %+v", e)
		}
		if err := unix.Kill(daemon, 0); err != nil {
			t.Errorf("the daemon of the task beside was ended too: %v", err)
		}
		if isClosed(hop.Done()) {
			t.Error("the hop was ended too")
		}
		_ = hop.Stdin.Close()
		<-hop.Done()
		hop.End(nil)
		if err := unix.Kill(daemon, 0); err != nil {
			t.Errorf("a hop's end has ended a task's daemon: %v", err)
		}
		hop.Close()
		kill(t, daemon)
	}
}

// TestG26DaemonsLiveOn: a task that is ended does not take along what earlier ones have left, or what others do.
func TestG26DaemonsLiveOn(t *testing.T) {
	isolated(t, "leftover", "")
	isolated(t, "beside", "")
}
