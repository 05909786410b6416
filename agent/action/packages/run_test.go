package packages

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"runner/agent/action"
	"runner/agent/process"
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
