package agent_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"runner/agent/action"
	"runner/agent/process"
	"runner/agent/wire"
)

// uncut runs two scripts, of which the second must not be cut.
type uncut struct {
	First  string `cbor:"first"`
	Second string `cbor:"second"`
}

func (*uncut) Look(context.Context, *action.Env) (action.Outcome, error) {
	return action.Outcome{Change: wire.Change{Verb: wire.VerbRun}}, nil
}

func (u *uncut) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	for i, script := range []string{u.First, u.Second} {
		exit, err := env.Processes.Run(ctx, process.Command{Argv: []string{"/bin/sh", "-c", script}, Env: env.Environ, Uncut: i == 1})
		switch {
		case err != nil:
			return found, err
		case exit.Reason == process.ReasonTimeout:
			return found, &wire.Problem{Code: wire.CodeTimeout, Message: "it took too long"}
		case exit.Reason != process.ReasonExit:
			return found, &wire.Problem{Code: wire.CodeCancelled, Message: "it was ended"}
		}
		found.Values = map[string]any{"stdout": string(exit.Stdout)}
	}
	return found, nil
}

// TestG24UncutIsNotCut: a program that must not be cut survives a polite end and its time, and nothing else; what comes
// before it does not.
func TestG24UncutIsNotCut(t *testing.T) {
	c := connect(t)
	dir := t.TempDir()
	run := func(timeout time.Duration, first, second string) (wire.CallID, *reply) {
		return c.start(root, wire.Call{Action: "test.uncut", Timeout: timeout}, map[string]any{"first": first, "second": second})
	}
	id, r := run(0, "true", fmt.Sprintf("echo $$ >%s/1.pid; sleep 0.5; echo done", dir))
	pid(t, dir+"/1.pid")
	c.send(wire.KindCancel, root, id, wire.Cancel{})
	if result := c.result(r); code(result) != "" || values(t, result)["stdout"] != "done\n" {
		t.Errorf("it was cut: %+v", result.Problem)
	}
	_, r = run(100*time.Millisecond, "true", "sleep 0.5; echo done")
	if result := c.result(r); code(result) != "" || values(t, result)["stdout"] != "done\n" {
		t.Errorf("it was cut when its time was over: %+v", result.Problem)
	}
	_, r = run(100*time.Millisecond, "sleep 100", "true")
	if result := c.result(r); code(result) != wire.CodeTimeout {
		t.Errorf("what comes before ended with %+v", result.Problem)
	}
	began := time.Now()
	id, r = run(0, "true", fmt.Sprintf("trap '' TERM; echo $$ >%s/2.pid; while :; do sleep 1; done", dir))
	ended := pid(t, dir+"/2.pid")
	c.send(wire.KindCancel, root, id, wire.Cancel{Kill: true})
	if result := c.result(r); code(result) != wire.CodeCancelled || time.Since(began) > 2*time.Second {
		t.Errorf("after %v: %+v", time.Since(began), result.Problem)
	}
	gone(t, ended)
}

// TestG24UncutOutlivesTheParent: it also goes on when contact is lost; the others end.
func TestG24UncutOutlivesTheParent(t *testing.T) {
	c := connect(t)
	dir := t.TempDir()
	script := func(name string) string {
		return fmt.Sprintf("echo $$ >%s/%s.pid; sleep 5; touch %s/%s", dir, name, dir, name)
	}
	c.start(root, wire.Call{Action: "test.uncut", Lane: "a" + t.Name()}, map[string]any{"first": "true", "second": script("finishes")})
	c.start(root, wire.Call{Action: "test.uncut", Lane: "b" + t.Name()}, map[string]any{"first": script("other"), "second": "true"})
	_, ended := pid(t, dir+"/finishes.pid"), pid(t, dir+"/other.pid")
	c.close() // which gives up on the agent before that
	for range 700 {
		if exists(dir + "/finishes") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !exists(dir + "/finishes") {
		t.Error("what must not be cut was cut")
	}
	if exists(dir + "/other") {
		t.Error("another call went on")
	}
	gone(t, ended)
}
