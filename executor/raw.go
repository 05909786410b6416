package executor

import (
	"context"
	"strings"
	"time"

	"runner/agent/wire"
	"runner/executor/direct"
	"runner/executor/event"
)

// forever is the limit of what its task does not limit.
const forever = 365 * 24 * time.Hour

// raw runs a command line in the place of a task. A preview runs one that was promised to change nothing, unless something
// would be changed before.
func (h *hostRun) raw(ctx context.Context, s *sent) {
	line, outcome := direct.Line(s.instance)
	s.outcome = &outcome
	if h.isPreview() && (outcome.Changed || len(s.instance.Unknown) > 0 || h.leaver(s.on) != "") {
		outcome.Later(s.instance)
		s.end = outcome.End(s.instance, s.task.Place)
		return
	}
	if h.run.Live && !s.instance.Hidden.Output() {
		line.Live = func(stream wire.Stream, data []byte) {
			h.output(s, stream, strings.ToValidUTF8(s.live[stream].next(data, h.run.Mask != nil), "\uFFFD"))
		}
	}
	limit := s.instance.Timeout
	if limit == 0 {
		limit = forever
	}
	waits, stop := h.actContext(ctx, forever)
	release := h.run.traffic.Exclude(waits, s.on)
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
	h.outputEnds(s)
	if err == nil {
		h.after += printed.Trip
		h.run.trip(s.on, h.after)
		err = outcome.Ran(s.instance, printed)
	}
	h.done(s, err, began)
}

// will puts on record that something is about to be done which no call does.
func (h *hostRun) will(s *sent) {
	if !h.isPreview() && !s.noted {
		h.run.Sink.Emit(event.Sent{Address: s.instance.Address, Host: h.name})
		s.noted = true
		h.run.OnRecord()
	}
}
