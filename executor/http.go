package executor

import (
	"cmp"
	"context"
	"time"

	"runner/agent/wire"
	"runner/executor/direct"
	"runner/executor/request"
)

// httpTimeout is how long a request may take when its task does not say.
const httpTimeout = 30 * time.Second

// requests makes a request in the place of a task. A preview makes one that was promised to change nothing, unless something
// would be changed before.
func (h *hostRun) requests(ctx context.Context, s *sent) {
	r, outcome := direct.Request(s.instance)
	s.outcome = &outcome
	if h.isPreview() && (s.instance.Args["changes"] != false || len(s.instance.Unknown) > 0 || h.isUnsettled(s)) {
		outcome.Later(s.instance)
		if s.instance.Args["changes"] != false && len(outcome.Change.Unknown) > 0 {
			outcome.Change.Why = "a plan makes requests only where changes = false promises that they change nothing"
		}
		s.end = outcome.End(s.instance, s.task.Place)
		return
	}
	if outcome.Changed {
		h.will(s)
	}
	began := time.Now()
	reply, err := h.ask(ctx, s, r)
	if err == nil {
		err = outcome.Answered(s.instance, r, reply)
	}
	h.done(s, err, began)
}

// ask makes the request over a connection that the peer opens. Its time begins when the peer is there.
func (h *hostRun) ask(ctx context.Context, s *sent, r *request.Request) (request.Reply, error) {
	peer := h.peers.At(s.on)
	ready, err := peer.Ready(h.run.traffic.Open()) //nolint:contextcheck // that one ends when nothing new starts
	switch {
	case err != nil && h.run.traffic.IsEnding():
		return request.Reply{}, &wire.Problem{Code: wire.CodeCancelled, Message: "the run was ended before it was made"}
	case err != nil:
		return request.Reply{}, err //nolint:wrapcheck // it says which hop
	}
	ctx, cancel := h.actContext(ctx, cmp.Or(s.instance.Timeout, httpTimeout))
	defer cancel()
	h.begins(s, s.on)
	reply, err := r.Do(ctx, peer.Dial)
	if err == nil {
		h.after = max(h.after, ready.Trip) + reply.Trips
		h.run.trip(s.on, h.after)
	}
	return reply, err //nolint:wrapcheck // likewise
}
