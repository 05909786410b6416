package executor

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"runner/agent/process"
	"runner/agent/wire"
	"runner/executor/broker"
	"runner/executor/event"
)

const (
	// rawAction runs a command line where the chain ends, without an agent there.
	rawAction = "raw"
	// forever is the limit of what its task does not limit.
	forever = 365 * 24 * time.Hour
)

// raw runs a command line in the place of a task. A preview runs one that was promised to change nothing, unless something
// would be changed before.
func (h *hostRun) raw(ctx context.Context, s *sent) {
	args := s.instance.Args
	reads := args["changes"] == false
	after := map[string]any{}
	for _, name := range []string{"command", "argv"} {
		if args[name] != nil {
			after[name] = args[name]
		}
	}
	s.said = &saying{changed: !reads, change: found{Change: wire.Change{Verb: wire.VerbRead}, after: after}}
	if !reads {
		s.said.change.Verb = wire.VerbRun
	}
	if h.isPreview() && (!reads || len(s.instance.Unknown) > 0 || h.leaver(s.on) != "") {
		s.said.later(s.instance)
		s.end = s.said.end(s.instance, s.task.Place)
		return
	}
	line := broker.Line{Command: textOf(args, "command"), Stdin: stdinOf(s)}
	list, _ := args["argv"].([]any)
	for _, word := range list {
		text, _ := word.(string)
		line.Argv = append(line.Argv, text)
	}
	if h.run.Live && !s.instance.Sensitive {
		line.Live = func(stream wire.Stream, data []byte) {
			h.output(s, stream, strings.ToValidUTF8(string(data), "\uFFFD"))
		}
	}
	limit := s.instance.Timeout
	if limit == 0 {
		limit = forever
	}
	waits, stop := h.actContext(ctx, forever)
	release := h.run.exclude(waits, s.on)
	defer release()
	if stop(); h.over() {
		h.endUnstarted(s, event.TaskEnd{Address: s.instance.Address})
		s.end = nil
		return
	}
	ctx, cancel := h.actContext(ctx, limit)
	defer cancel()
	h.will(s)
	began := time.Now()
	h.begins(s, s.on)
	printed, err := h.run.Broker.Raw(ctx, s.on, line)
	if err == nil {
		h.after += printed.Trip
		h.run.trip(s.on, h.after)
		s.said.values = resultsOf(printed)
		err = judgeRaw(printed, args["ok_exit_codes"])
	}
	h.done(s, err, began)
}

// stdinOf is what a command line reads.
func stdinOf(s *sent) []byte {
	if c := s.instance.Content; c != nil {
		return c.Data
	}
	return []byte(textOf(s.instance.Args, "stdin"))
}

// resultsOf are what a raw command line gives, as a command's.
func resultsOf(p broker.Printed) map[string]any {
	line := func(printed []byte) string {
		text := strings.ToValidUTF8(string(printed), "\uFFFD")
		return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	}
	out := map[string]any{"stdout": line(p.Stdout), "stderr": line(p.Stderr), "truncated": p.Truncated, "exit_code": nil, "signal": nil}
	switch {
	case p.Signal != "":
		out["signal"] = "SIG" + strings.TrimPrefix(p.Signal, "SIG")
	case p.Status >= 0:
		out["exit_code"] = p.Status
	}
	return out
}

// judgeRaw turns an end that is not ok into an error.
func judgeRaw(p broker.Printed, ok any) error {
	problem := &wire.Problem{Hint: p.Hint, Quote: wire.Quote(p.Stderr)}
	if len(bytes.TrimSpace(p.Stderr)) == 0 {
		problem.Quote = wire.Quote(p.Stdout)
	}
	codes, _ := ok.([]any)
	switch {
	case p.Reason == process.ReasonTimeout:
		problem.Code, problem.Message = wire.CodeTimeout, "it did not end in time, and was left"
		problem.Hint = "Without an agent there nobody ends what it has started."
	case p.Reason == process.ReasonCancelled:
		problem.Code, problem.Message = wire.CodeCancelled, "it was left before it had ended"
	case p.Signal != "":
		problem.Code, problem.Message = wire.CodeSignal, "it was ended by SIG"+strings.TrimPrefix(p.Signal, "SIG")
	case p.Status < 0:
		problem.Code, problem.Message = wire.CodeExit, "nobody says how it ended"
	case codes == nil && p.Status == 0, slices.ContainsFunc(codes, func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(p.Status) }):
		return nil
	default:
		problem.Code, problem.Message = wire.CodeExit, fmt.Sprintf("it ended with status %d", p.Status)
	}
	return problem
}

// will puts on record that something is about to be done which no call does.
func (h *hostRun) will(s *sent) {
	if !h.isPreview() && !s.noted {
		h.run.Sink.Emit(event.Sent{Address: s.instance.Address, Host: h.name})
		s.noted = true
		h.run.OnRecord()
	}
}

// exclude waits until nothing that disturbs others is under way at a connection, and keeps it so until release: no agent's lane
// does that for what is done without one.
func (r *run) exclude(ctx context.Context, connection int) (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calm.Broadcast()
	})
	defer stop()
	busy := func() bool {
		if r.raws[connection] {
			return true
		}
		for _, on := range r.at {
			if on == connection {
				return true
			}
		}
		return false
	}
	for busy() && ctx.Err() == nil {
		r.calm.Wait()
	}
	mine := !r.raws[connection]
	r.raws[connection] = true
	r.users[connection]++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.users[connection]--
		if mine {
			delete(r.raws, connection)
		}
		r.calm.Broadcast()
	}
}
