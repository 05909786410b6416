package executor

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"runner/agent/plain"
	"runner/agent/wire"
	"runner/executor/batch"
	"runner/executor/broker"
	"runner/executor/direct"
	"runner/executor/event"
	"runner/executor/exchange"
	"runner/executor/relay"
	"runner/planner/plan"
)

// sent is an element of a task whose call is under way, or that needs none.
type sent struct {
	task     *plan.Task // nil: a sync
	at       int        // index of the task in its course
	instance plan.Instance
	group    *group
	pending  *broker.Pending                    // nil: no call
	problem  string                             // why it could not even be sent
	reason   string                             // why a preview cannot know what it would do
	end      *event.TaskEnd                     // how it ended without a call
	outcome  *direct.Outcome                    // what it has come to there, where that is judged as the end of a call is
	deferred bool                               // it is evaluated when it is taken
	act      func(ctx context.Context, s *sent) // what the controller does in its place then; nil: nothing
	past     *event.TaskEnd                     // how it ended in the run that this one goes on with
	left     *left                              // the whole task is not run
	refused  bool                               // its call could not be sent
	nothing  bool                               // the task has no elements
	noted    bool                               // that it is sent is on record
	wentOn   bool                               // its peer does not know that it failed
	on       int
	attempt  int             // from 1
	delay    time.Duration   // before the next attempt
	live     [3]pieces       // of output, by stream
	begin    *beginning      // of the call
	fetching *exchange.Fetch // the controller's half of a call that fetches; nil: it is another one
}

// beginning tells that a call has begun, once: whoever hears of it first, its host or what takes its output.
type beginning struct {
	once  sync.Once
	start event.TaskStart
}

func (b *beginning) tell(sink event.Sink, target *event.Target) {
	if target != nil {
		b.once.Do(func() {
			b.start.Target = *target
			sink.Emit(b.start)
		})
	}
}

// left says why a task is not run; without a status, because nothing more starts.
type left struct {
	status event.Status
	reason string
}

// notSent is the connection of what no call was made for.
const notSent = -1

// group collects the results of all elements of a task.
type group struct {
	results plan.Results
	missing int
	reached bool                 // by one of them at least
	turn    *batch.Turn[outcome] // of a task that runs once; nil: an ordinary one
	fault   *fault               // what it failed with
	lost    bool                 // contact was lost while it ran
	never   bool                 // it was not started
	passed  bool                 // an element was not
	yielded bool                 // what runs once is another host's to run, or to report
	decided bool                 // whether it is
	cut     bool                 // an element was ended before its end, or nobody knows
}

// pump sends what has not been sent yet, as far as it may follow what is under way.
func (h *hostRun) pump() {
	h.note()
	for h.underway < len(h.queue) && (h.holder == nil || !h.holder.holds()) {
		s := h.queue[h.underway]
		h.underway++
		switch {
		case !s.callable(), h.isPreview() && slices.Contains(s.instance.Unknown, "for_each"):
		case h.stopped != "":
			s.on = notSent
		default:
			h.send(s)
		}
		if s.pending != nil || s.holds() {
			h.holder = s
		}
	}
}

// note puts on record what pump will send, all of it together, before any of it is sent.
func (h *hostRun) note() {
	if h.isPreview() || h.stopped != "" || h.underway == len(h.queue) || h.holder != nil && h.holder.holds() {
		return
	}
	some := false
	for _, s := range h.queue[h.underway:] {
		if s.callable() && !s.noted && len(s.instance.Unknown) == 0 {
			h.run.Sink.Emit(event.Sent{Address: s.instance.Address, Host: h.name})
			s.noted, some = true, true
		}
		if s.holds() || s.callable() && s.decides() {
			break
		}
	}
	if some {
		h.run.OnRecord()
	}
}

// callable says whether an instance is one that its peer hears of.
func (s *sent) callable() bool {
	return s.task != nil && s.left == nil && s.end == nil && s.past == nil && !s.nothing && !s.deferred && s.act == nil && !s.instance.Skip
}

// holds says whether nothing may be sent behind an instance before its end is known: its peer knows nothing of it, or does
// not know whether it failed.
func (s *sent) holds() bool {
	if s.pending == nil {
		return s.problem != "" || s.act != nil || s.end != nil && (s.end.Status != event.OK || s.outcome != nil && s.decides()) || s.past != nil && s.past.Status == event.Failed
	}
	return s.refused || s.decides()
}

// decides says whether what an instance has done decides what may be sent behind it.
func (s *sent) decides() bool {
	return s.task != nil && (s.task.Verdict || s.task.Action == rebootAction)
}

// isRefused says whether a call that was made just now has ended already, so that it was never sent. (Of one that was sent a
// while ago that means nothing.)
func (s *sent) isRefused() bool {
	select {
	case <-s.pending.Done():
		return true
	default:
		return false
	}
}

// blocked says whether nothing more can be sent before something under way has ended.
func (h *hostRun) blocked() bool {
	return h.underway < len(h.queue) || h.holder != nil && h.holder.holds()
}

// send hands an instance to its peer.
func (h *hostRun) send(s *sent) {
	if !h.isPreview() && len(s.instance.Unknown) > 0 {
		s.problem = cannotKnow(s.instance)
		return
	}
	action, given, content := s.task.Action, s.instance.Args, s.instance.Content
	if s.instance.Own != nil {
		action = wire.ActionOwn
		given, content = ownCall(s.task, s.instance.Own)
	}
	s.fetching = nil
	if s.instance.Destination != "" {
		f, err := exchange.NewFetch(h.run.traffic.Open(), s.instance, exchange.FetchOptions{Dry: h.isPreview(), WholeDiff: h.run.WholeDiff})
		switch {
		case err != nil && h.run.traffic.IsEnding():
			s.on = notSent
			return
		case err != nil:
			s.problem = "cannot write " + s.instance.Destination + " on the controller: " + plain.Cause(err).Error()
			return
		}
		h.run.ends.Go(func() { f.Receive(h.run.waited) }) // until End
		s.fetching, given = f, f.Args(given)
	}
	args, err := wire.Marshal(given)
	if err != nil {
		s.problem = err.Error()
		if s.fetching != nil {
			s.fetching.End()
		}
		return
	}
	flags := wire.Flags(0)
	if s.task.Action == waitAction && s.instance.Args["argv"] == nil { // it disturbs nobody
		flags |= wire.FlagNoLane
	}
	if s.task.Verdict || s.task.OnFailure == plan.Continue && (h.isPreview() || s.isLast()) {
		flags |= wire.FlagContinue
	}
	if h.isPreview() && s.instance.Hidden.State() {
		flags |= wire.FlagState
	}
	if h.run.WholeDiff {
		flags |= wire.FlagWholeDiff
	}
	options := broker.CallOptions{After: h.after}
	if c := content; c != nil && c.Files == nil {
		options.Input, options.Progress = h.run.opener(c), h.progress(s)
		options.Size = c.Size
		options.Content = h.shared(s)
	}
	begin := &beginning{start: event.TaskStart{Job: h.job.Name, Address: s.instance.Address, Host: h.name, Attempt: s.attempt}}
	s.begin = begin
	switch {
	case content != nil && content.Files != nil:
		exchange.NewSync(content, h.run.Open).Options(&options)
	case s.fetching != nil:
		s.fetching.Options(&options)
	case h.run.Live && !s.instance.Hidden.Output():
		flags |= wire.FlagLive
		on := s.on
		options.Live = func(stream wire.Stream, data []byte) {
			if !h.isPreview() {
				begin.tell(h.run.Sink, targetOf(h.run.Broker.Hello(on)))
			}
			h.output(s, stream, s.live[stream].next(data, h.run.Mask != nil))
		}
	}
	h.on = s.on
	call := wire.Call{
		Action: action, Args: args, Mode: h.run.Mode, Pipeline: h.pipeline, Flags: flags,
		Timeout: s.instance.Timeout, Env: s.instance.Environment, Lane: s.instance.Lane,
		Unknown: slices.DeleteFunc(slices.Clone(s.instance.Unknown), func(u string) bool { return u == "when" }),
	}
	if h.isPreview() {
		h.lookAhead(s, &call)
	}
	if pending, ok := h.peers.Call(s.on, call, options); ok {
		s.pending = pending
		if f := s.fetching; f != nil {
			h.run.ends.Go(func() { f.Until(pending.Done(), h.run.waited.Done(), func() { pending.Cancel(false) }) })
		}
		if s.task.Uncut && !h.isPreview() {
			h.run.traffic.Spare(pending)
		}
		s.refused = s.isRefused()
		return
	}
	if s.fetching != nil {
		s.fetching.End()
	}
	s.on = notSent
}

// pieces joins characters that lie across the borders of what comes in pieces, and, where something is sensitive, the parts of a line: it
// would not be found in them.
type pieces struct{ held []byte }

// longestLine is how many bytes of a line wait for the rest of it.
const longestLine = 64 << 10

// next returns the next piece as far as its characters, or its lines, are whole.
func (p *pieces) next(data []byte, lines bool) string {
	data = append(p.held, data...)
	whole := len(data)
	if end := bytes.LastIndexAny(data, "\r\n") + 1; lines && len(data)-end < longestLine {
		p.held = bytes.Clone(data[end:])
		return string(data[:end])
	}
	for i := 1; i < utf8.UTFMax && i <= len(data); i++ {
		if tail := data[len(data)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole -= i
			}
			break
		}
	}
	p.held = bytes.Clone(data[whole:])
	return string(data[:whole])
}

// shared tells content that other targets may need, too; nil if it is this one's alone. What is sensitive is in no temporary
// file.
func (h *hostRun) shared(s *sent) *wire.Hold {
	size, _ := s.instance.Args["content_size"].(int64)
	digest, _ := s.instance.Args["content_sha256"].(string)
	if o := s.instance.Own; o != nil && !h.isPreview() { // the executable is no secret, whatever it is given
		return &wire.Hold{Size: o.Size, SHA256: o.SHA256}
	}
	if digest == "" || s.instance.Hidden.All || slices.Contains(s.instance.Secrets, "content") || h.isPreview() {
		return nil
	}
	return &wire.Hold{Size: size, SHA256: digest}
}

func (r *run) opener(c *plan.Content) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		switch {
		case c.File != "":
			return r.Open(c.File)
		case c.Request != nil:
			return relay.Open(c.Request), nil
		}
		return io.NopCloser(bytes.NewReader(c.Data)), nil
	}
}
