package executor

import (
	"io"
	"time"

	"runner/executor/event"
)

const (
	// longTransfer is from how many bytes on people are told how far a transfer is, and tellEvery how often.
	longTransfer = 1 << 20
	tellEvery    = 100 * time.Millisecond
)

// progressing tells how far what is read of an opened file is.
func (h *hostRun) progressing(s *sent, open func() (io.ReadCloser, error)) func() (io.ReadCloser, error) {
	total, _ := s.instance.Args["content_size"].(int64)
	if total < longTransfer || h.isPreview() {
		return open
	}
	return func() (io.ReadCloser, error) {
		in, err := open()
		if err != nil {
			return nil, err
		}
		return &transfer{ReadCloser: in, tell: func(bytes int64) {
			h.run.Sink.Emit(event.Progress{Host: h.name, Address: s.instance.Address, Bytes: bytes, Total: total})
		}}, nil
	}
}

// transfer is a file that is being read.
type transfer struct {
	io.ReadCloser
	tell  func(bytes int64)
	bytes int64
	told  time.Time
}

// Read reads, and tells now and then.
func (t *transfer) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.bytes += int64(n)
	if now := time.Now(); now.Sub(t.told) >= tellEvery {
		t.told = now
		t.tell(t.bytes)
	}
	return n, err //nolint:wrapcheck // the file's
}
