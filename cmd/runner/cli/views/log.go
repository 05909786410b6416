package views

import (
	"io"
	"sync"
)

// Log is where log lines go: to a writer, or through the view that is drawing on the same terminal.
type Log struct {
	mu      sync.Mutex
	out     io.Writer
	through func([]byte) // takes over the slice
}

// NewLog returns a log that writes to out.
func NewLog(out io.Writer) *Log { return &Log{out: out} }

// Write writes one line.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.through != nil {
		l.through(append([]byte(nil), p...))
		return len(p), nil
	}
	return l.out.Write(p)
}

// divert makes lines go through a view; nil ends that.
func (l *Log) divert(through func([]byte)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.through = through
}
