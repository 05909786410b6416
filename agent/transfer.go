package agent

import (
	"context"
	"path"
	"strings"

	"runner/agent/action"
	"runner/agent/facts"
	"runner/agent/transfer"
	"runner/agent/wire"
)

// receive is the call that takes a copy.
const receive = "receive"

// send sends a file or a tree as its output.
func (c *call) send(ctx context.Context) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbRead}}
	var source transfer.Source
	if err := wire.Unmarshal(c.msg.Args, &source); err != nil {
		return out, err
	}
	source.Path = atHome(source.Path)
	if err := transfer.Send(ctx, source, &output{ctx, c, wire.StreamOutput}, transfer.Progress{}); err != nil {
		return out, transfer.Explain(err)
	}
	return out, nil
}

// receive writes the copy that is its input, and says before what it has of it.
func (c *call) receive(ctx context.Context) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbUpdate}}
	var destination transfer.Destination
	if err := wire.Unmarshal(c.msg.Args, &destination); err != nil {
		return out, err
	}
	destination.Path = atHome(destination.Path)
	r, err := transfer.NewReceiver(ctx, destination, transfer.Progress{})
	if err != nil {
		return out, transfer.Explain(err)
	}
	defer r.Close()
	if err := transfer.WriteHeld(&output{ctx, c, wire.StreamOutput}, r.Held()); err != nil {
		return out, err
	}
	report, err := r.Receive(ctx, c.input)
	out.Values = report
	if err != nil {
		return out, transfer.Explain(err)
	}
	return out, nil
}

// atHome makes a path that a person has named absolute: it is one in the account's home.
func atHome(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	home := facts.Account().Home
	if home == "" {
		home = "/"
	}
	rest, ok := strings.CutPrefix(name, "~")
	if !ok || rest != "" && rest[0] != '/' {
		rest = "/" + name
	}
	at := path.Join(home, rest)
	if strings.HasSuffix(name, "/") {
		at += "/"
	}
	return at
}
