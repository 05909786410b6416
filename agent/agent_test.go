package agent_test

import (
	"context"
	"io"
	"testing"

	"runner/agent/action"
	"runner/agent/schema"
	"runner/agent/wire"
)

// probes are actions that show what an agent offers to actions.
func probes() []action.Definition {
	return []action.Definition{
		{Block: schema.Block{Name: "test.input"}, New: func() action.Action { return new(input) }},
		{Block: schema.Block{Name: "test.large"}, New: func() action.Action { return new(large) }},
		{Block: schema.Block{Name: "test.panic"}, New: func() action.Action { return new(panics) }},
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
