package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"runner/agent/action"
	"runner/agent/wire"
)

// probes are actions that show what an agent offers to actions.
func probes() []action.Definition {
	return []action.Definition{
		{Name: "test.input", New: func() action.Action { return new(input) }},
		{Name: "test.large", New: func() action.Action { return new(large) }},
		{Name: "test.nothing", New: func() action.Action { return new(nothing) }},
		{Name: "test.panic", New: func() action.Action { return new(panics) }},
		{Name: "test.uncut", New: func() action.Action { return new(uncut) }},
	}
}

// input counts the bytes of the call's input.
type input struct{}

func (*input) Look(context.Context, *action.Env) (action.Outcome, error) {
	return action.Outcome{Change: wire.Change{Verb: wire.VerbRun}}, nil
}

func (*input) Act(_ context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	n, err := io.Copy(io.Discard, env.Input())
	found.Values = map[string]any{"bytes": n}
	return found, err
}

// large returns more than a frame can hold.
type large struct{}

func (*large) Look(context.Context, *action.Env) (action.Outcome, error) {
	return action.Outcome{Change: wire.Change{Verb: wire.VerbRead}, Values: map[string]any{"data": make([]byte, wire.MaxPayload)}}, nil
}

func (*large) Act(context.Context, *action.Env, action.Outcome) (action.Outcome, error) {
	panic("not reached")
}

// nothing does nothing.
type nothing struct{}

func (*nothing) Look(context.Context, *action.Env) (action.Outcome, error) {
	return action.Outcome{Change: wire.Change{Verb: wire.VerbNone}}, nil
}

func (*nothing) Act(context.Context, *action.Env, action.Outcome) (action.Outcome, error) {
	panic("not reached")
}

// panics is a mistake.
type panics struct{}

func (*panics) Look(context.Context, *action.Env) (action.Outcome, error) { panic("a mistake") }

func (*panics) Act(context.Context, *action.Env, action.Outcome) (action.Outcome, error) {
	panic("not reached")
}

func TestCallRunsAndIsAnswered(t *testing.T) {
	c := connect(t)
	r := c.command(root, "/bin/echo", "hello")
	if code(r) != "" || values(t, r)["stdout"] != "hello" || r.Change.Verb != wire.VerbRun || r.Elapsed <= 0 || r.Started.IsZero() {
		t.Errorf("result is %+v, problem %+v, values %v", r, r.Problem, values(t, r))
	}
}

// BenchmarkCall measures what a call costs beside its action, in a pipeline: time on the target, and bytes each way.
func BenchmarkCall(b *testing.B) {
	c := connect(b)
	agent := agentPid(b, c)
	before := cpu(b, agent)
	sent, received := c.link.Sent(), c.link.Received()
	const batch = 1000
	b.ResetTimer()
	for done := 0; done < b.N; {
		var last *reply
		for range min(batch, b.N-done) {
			_, last = c.start(root, wire.Call{Action: "test.nothing", Pipeline: 1}, nil)
			done++
		}
		c.result(last)
	}
	b.ReportMetric(float64((cpu(b, agent)-before).Nanoseconds())/float64(b.N), "ns-agent/op")
	b.ReportMetric(float64(c.link.Sent()-sent)/float64(b.N), "B-down/op")
	b.ReportMetric(float64(c.link.Received()-received)/float64(b.N), "B-up/op")
}

// cpu is how long a process has run.
func cpu(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))
	return time.Duration(number(t, fields[12])+number(t, fields[13])) * 10 * time.Millisecond
}
