package packages

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"runner/agent/action"
	"runner/agent/process"
	"runner/agent/wire"
)

// runner is a manager of which a test says what it does.
type runner func(ctx context.Context) process.Exit

func (r runner) Run(ctx context.Context, _ process.Command) (process.Exit, error) { return r(ctx), nil }

// Without a timeout of the task a download may take its time; only another manager's lock is not waited for without end.
func TestOnlyWaitingIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := runner(func(ctx context.Context) process.Exit {
			select {
			case <-ctx.Done():
				return process.Exit{Reason: process.ReasonTimeout}
			case <-time.After(time.Hour):
				return process.Exit{Reason: process.ReasonExit}
			}
		})
		if _, err := run(t.Context(), &action.Env{Processes: slow}, []string{"apt-get", "-d"}, false); err != nil {
			t.Errorf("a download of an hour: %v", err)
		}
		locked := runner(func(context.Context) process.Exit {
			return process.Exit{Reason: process.ReasonExit, Status: 100, Stderr: []byte("E: Could not get lock /var/lib/dpkg/lock")}
		})
		began := time.Now()
		if _, err := run(t.Context(), &action.Env{Processes: locked}, []string{"apt-get"}, false); err == nil || time.Since(began) != patience {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// What a removal is refused for is not to be had from a repository, and a manager that is not there is said to be.
func TestHintsOfFailures(t *testing.T) {
	refused := process.Exit{Reason: process.ReasonExit, Status: 100, Stderr: []byte(" init : Depends: libc6\nE: Unable to correct problems")}
	for what, want := range map[string]string{"remove libc6": "is installed, needs it", "install new": "from somewhere"} {
		p, is := errors.AsType[*wire.Problem](failure(what, "apt-get", refused))
		if !is || !strings.Contains(p.Hint, want) {
			t.Errorf("%s: %+v", what, p)
		}
	}
	env := &action.Env{Processes: absent{}}
	_, err := run(t.Context(), env, []string{"rpm", "-q"}, false)
	if p, is := errors.AsType[*wire.Problem](err); !is || !strings.Contains(p.Hint, "leave manager out") {
		t.Errorf("%+v", p)
	}
}

type absent struct{}

func (absent) Run(_ context.Context, c process.Command) (process.Exit, error) {
	return process.Exit{}, &process.StartError{Program: c.Argv[0], Err: syscall.ENOENT}
}
