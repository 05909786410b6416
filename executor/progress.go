package executor

import (
	"sync"
	"time"

	"runner/executor/event"
)

const (
	// longTransfer is from how many bytes on people are told how far a transfer is, and tellEvery how often.
	longTransfer = 1 << 20
	tellEvery    = 100 * time.Millisecond
)

// progress returns what tells how far a long transfer is; nil where nobody wants to know.
func (h *hostRun) progress(s *sent) func(bytes int64) {
	total, _ := s.instance.Args["content_size"].(int64)
	if total < longTransfer || h.isPreview() {
		return nil
	}
	var mu sync.Mutex // guards told: what is sent for several hosts tells of itself, too
	var told time.Time
	return func(bytes int64) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(told) >= tellEvery {
			told = now
			h.run.Sink.Emit(event.Progress{Host: h.name, Address: s.instance.Address, Bytes: bytes, Total: total})
		}
	}
}
