package broker

import (
	"sync"

	"runner/agent/wire"
)

// live hands a call's output on, in the order in which it came, at the pace of whoever takes it.
type live struct {
	mu      sync.Mutex
	more    sync.Cond
	parts   []part
	streams [2]outStream // of wire.StreamOutput and wire.StreamError
	over    bool
}

type part struct {
	stream wire.Stream
	data   []byte
}

type outStream struct {
	window   int // bytes that may be under way
	allowed  int // bytes that the peer may still send
	consumed int // bytes handed on since the last credit
	ended    bool
}

// newLive returns a live whose output stream has a window of its own.
func newLive(window int) *live {
	l := &live{}
	l.more.L = &l.mu
	for i, size := range []int{max(window, wire.Window), wire.Window} {
		l.streams[i].window, l.streams[i].allowed = size, size
	}
	return l
}

// put takes a data frame, without waiting. keep says whether anybody wants it.
func (l *live) put(stream wire.Stream, data []byte, keep bool) error {
	if stream != wire.StreamOutput && stream != wire.StreamError {
		return violation("data on stream %d", stream)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.streams[stream-wire.StreamOutput]
	switch {
	case s.ended:
		return violation("data after the end of its stream")
	case len(data) > s.allowed:
		return violation("%d bytes of data where %d were granted", len(data), s.allowed)
	case len(data) == 0:
		s.ended = true
		return nil
	}
	s.allowed -= len(data)
	if keep {
		l.parts = append(l.parts, part{stream, data})
		l.more.Signal()
	}
	return nil
}

// finish says that no more will come.
func (l *live) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	l.more.Signal()
}

// run hands parts on until finish was called and all are gone. grant allows the peer to send more.
func (l *live) run(take func(wire.Stream, []byte), grant func(wire.Stream, uint32)) {
	for {
		p, ok := l.next()
		if !ok {
			return
		}
		take(p.stream, p.data)
		if n := l.taken(p); n > 0 {
			grant(p.stream, n)
		}
	}
}

func (l *live) next() (part, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.parts) == 0 && !l.over {
		l.more.Wait()
	}
	if len(l.parts) == 0 {
		return part{}, false
	}
	p := l.parts[0]
	l.parts[0] = part{}
	l.parts = l.parts[1:]
	return p, true
}

// taken returns how much credit is due, in portions that keep the sender busy.
func (l *live) taken(p part) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.streams[p.stream-wire.StreamOutput]
	s.consumed += len(p.data)
	if l.over || s.ended || s.consumed < s.window/2 {
		return 0
	}
	n := s.consumed
	s.consumed = 0
	s.allowed += n
	return uint32(n) //nolint:gosec // at most the window
}
