package process

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// RunAt runs a program at a pseudo terminal, whose other side, theirs, is its three standard streams and controls it; it
// is closed here. What comes from Stdin is typed there, and what the terminal shows goes to Stdout, without being kept.
// Ours stays the caller's to close. When ctx ends first, the terminal hangs up and the whole tree is ended, as in Run. The
// error is a *StartError.
func (t *Table) RunAt(ctx context.Context, c Command, ours, theirs *os.File) (Exit, error) {
	p, err := t.start(c, false, func() (*streams, error) { return terminalStreams(theirs), nil })
	if err != nil {
		_ = theirs.Close()
		return Exit{}, err
	}
	if c.Stdin != nil {
		go func() { _, _ = io.Copy(struct{ io.Writer }{ours}, c.Stdin) }() // as in feed, nobody waits for it
	}
	var shown sync.WaitGroup
	shown.Go(func() { show(ours, c.Stdout) })
	exit := Exit{}
	select {
	case <-p.done:
	case <-ctx.Done():
		exit.Reason = reasonOf(ctx)
		_ = ours.Close() // the hangup: shells that ignore being asked to end obey that
		p.End(killSwitch(ctx))
	}
	_ = ours.SetReadDeadline(time.Now().Add(lingering))
	shown.Wait()
	p.describe(&exit)
	return exit, nil
}

// show copies what a terminal shows until nobody holds its other side, or its deadline comes.
func show(terminal *os.File, to io.Writer) {
	if to == nil {
		to = io.Discard
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := terminal.Read(buffer)
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				to = io.Discard
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			_, _ = to.Write(leftover(terminal))
		}
		if err != nil {
			return
		}
	}
}

// leftover is what a terminal still holds. It is more than a kernel keeps for one, but not without end: something that
// goes on may be writing.
func leftover(terminal *os.File) []byte {
	const most = 256 << 10
	raw, err := terminal.SyscallConn()
	if err != nil {
		return nil
	}
	held := make([]byte, 0, most)
	_ = raw.Control(func(fd uintptr) {
		for len(held) < most {
			n, err := unix.Read(int(fd), held[len(held):most]) // it does not block
			if err != nil || n <= 0 {
				return
			}
			held = held[:len(held)+n]
		}
	})
	return held
}
