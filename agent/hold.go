package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/facts"
	"runner/agent/wire"
)

// hold is content that has come down once, or still comes, for calls of this peer and of those behind it.
type hold struct {
	ask   func()          // has it come
	asked <-chan struct{} // closed by ask

	mu     sync.Mutex // guards what follows
	change sync.Cond
	file   *os.File
	came   int64 // bytes in the file
	whole  bool  // they are all, and right
	over   bool  // nothing can be had any more
}

func newHold() *hold {
	asked := make(chan struct{})
	h := &hold{asked: asked, ask: sync.OnceFunc(func() { close(asked) })}
	h.change.L = &h.mu
	return h
}

// hold takes content in, once somebody asks for it, and has it at hand until it is cancelled.
func (c *call) hold(ctx context.Context) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbRead}}
	h := c.held
	defer h.end()
	var args wire.Hold
	if err := wire.Unmarshal(c.msg.Args, &args); err != nil {
		return out, err
	}
	select {
	case <-h.asked:
	case <-ctx.Done():
		return out, context.Cause(ctx)
	}
	file, err := disk.Scratch(args.Size, "/var/tmp", os.TempDir(), facts.Home())
	if err != nil {
		return out, &wire.Problem{Code: wire.CodeFull, Message: fmt.Sprintf("no room for %d bytes to pass on: %v", args.Size, err)}
	}
	h.set(func() { h.file = file })
	digest := sha256.New()
	// One byte more than there should be tells whether there is more.
	size, err := io.Copy(io.MultiWriter(h, digest), io.LimitReader(c.input, args.Size+1))
	if err != nil {
		return out, err
	}
	if got := hex.EncodeToString(digest.Sum(nil)); size != args.Size || got != args.SHA256 {
		return out, &wire.Problem{Code: wire.CodeAction, Message: fmt.Sprintf("%d bytes with the digest %s came to be passed on", size, got)}
	}
	h.set(func() { h.whole = true })
	<-ctx.Done()
	return out, context.Cause(ctx)
}

func (h *hold) set(what func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	what()
	h.change.Broadcast()
}

// Write adds what has come.
func (h *hold) Write(p []byte) (int, error) {
	n, err := h.file.Write(p)
	h.set(func() { h.came += int64(n) })
	return n, err
}

// end gives the content up.
func (h *hold) end() {
	h.set(func() {
		h.over = true
		if h.file != nil {
			_ = h.file.Close() // it goes with that
		}
	})
}

// wait waits until more than the first bytes have come, and says how many more. None are left when it is whole or over,
// or ctx ends.
func (h *hold) wait(ctx context.Context, first int64) (more int64, whole bool) {
	defer context.AfterFunc(ctx, func() { h.set(func() {}) })()
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.came <= first && !h.whole && !h.over && ctx.Err() == nil {
		h.change.Wait()
	}
	if h.over {
		return 0, false
	}
	return h.came - first, h.whole
}

// read reads from what has come.
func (h *hold) read(p []byte, at int64) error {
	_, err := h.file.ReadAt(p, at)
	return err
}
