package agent_test

import (
	"strings"
	"testing"
	"time"

	"runner/agent/wire"
)

func lockOf(run string, timeout time.Duration) map[string]any {
	return map[string]any{
		"run":     map[string]any{"id": run, "by": "alice@laptop", "command": "apply", "since": time.Time{}},
		"timeout": timeout,
	}
}

// TestG20CallsWaitForTheLock: what comes after the call for the run's lock waits for it; when it is refused, so are they,
// and who holds it is named. What needs no lane needs no lock.
func TestG20CallsWaitForTheLock(t *testing.T) {
	first, same, other := connect(t), connect(t), connect(t)
	lock := wire.Call{Action: "lock", Flags: wire.FlagNoLane}
	nothing := map[string]any{"argv": []any{"true"}}
	for _, c := range []*controller{first, same} {
		c.start(root, lock, lockOf("one", time.Minute))
		if r := c.command(root, "true"); r.Problem != nil {
			t.Fatalf("under the lock: %v", r.Problem)
		}
	}
	id, asked := other.start(root, lock, lockOf("two", time.Hour))
	cancelled, waits := other.start(root, wire.Call{Action: "command"}, nothing)
	_, behind := other.start(root, wire.Call{Action: "command"}, nothing)
	if r := other.call(root, wire.Call{Action: "facts", Flags: wire.FlagNoLane}, nil); r.Problem != nil {
		t.Errorf("facts: %v", r.Problem)
	}
	other.wait("word of who holds the lock", func() bool { return strings.Contains(string(asked.data[wire.StreamOutput]), "run one holds the lock") })
	other.send(wire.KindCancel, root, cancelled, wire.Cancel{Queued: true})
	if r := other.result(waits); code(r) != wire.CodeCancelled {
		t.Errorf("the call that was cancelled: %v", r.Problem)
	}
	other.send(wire.KindCancel, root, id, wire.Cancel{})
	if r := other.result(asked); code(r) != wire.CodeCancelled {
		t.Errorf("the lock that was cancelled: %v", r.Problem)
	}
	if r := other.result(behind); code(r) != wire.CodeCancelled {
		t.Errorf("what was behind it: %v", r.Problem)
	}

	late := connect(t)
	late.start(root, lock, lockOf("two", 0))
	_, refused := late.start(root, wire.Call{Action: "command", Pipeline: 1}, nothing)
	_, next := late.start(root, wire.Call{Action: "command", Pipeline: 1}, nothing)
	for _, reply := range []*reply{refused, next} {
		if r := late.result(reply); code(r) != wire.CodeLocked || !strings.Contains(r.Problem.Message, "run one holds the lock: apply by alice@laptop") {
			t.Errorf("without the lock: %v", r.Problem)
		}
	}
}

// TestALookTakesNoLane: a preview does not wait for the task that another agent on the target is at.
func TestALookTakesNoLane(t *testing.T) {
	at, looks := connect(t), connect(t)
	id, busy := at.start(root, wire.Call{Action: "command"}, map[string]any{"argv": []any{"sleep", "600"}})
	at.wait("the task to begin", func() bool { return busy.started })
	r := looks.call(root, wire.Call{Action: "directory", Mode: wire.ModeLook, Lane: at.lane}, map[string]any{"path": "/tmp"})
	if r.Problem != nil || r.Change.Verb != wire.VerbNone {
		t.Errorf("the look: %v, %v", r.Change.Verb, r.Problem)
	}
	at.send(wire.KindCancel, root, id, wire.Cancel{Kill: true})
	if r := at.result(busy); code(r) != wire.CodeCancelled {
		t.Errorf("the task ended before the look: %v", r.Problem)
	}
}

// TestWaitsForTheLane: a call whose lane another process holds says so, and has not begun; cancelled, it never did.
func TestWaitsForTheLane(t *testing.T) {
	at, other := connect(t), connect(t)
	id, busy := at.start(root, wire.Call{Action: "command"}, map[string]any{"argv": []any{"sleep", "600"}})
	at.wait("the task to begin", func() bool { return busy.started })
	waiting, waits := other.start(root, wire.Call{Action: "command", Lane: at.lane}, map[string]any{"argv": []any{"true"}})
	other.wait("word of whom it waits for", func() bool { return waits.waits != "" })
	if !strings.HasPrefix(waits.waits, "process ") || waits.started {
		t.Errorf("it waits for %q, and has begun: %v", waits.waits, waits.started)
	}
	other.send(wire.KindCancel, root, waiting, wire.Cancel{})
	if r := other.result(waits); code(r) != wire.CodeCancelled || !r.Started.IsZero() {
		t.Errorf("the call that was cancelled: %v, begun at %v", r.Problem, r.Started)
	}
	at.send(wire.KindCancel, root, id, wire.Cancel{Kill: true})
	at.result(busy)
}
