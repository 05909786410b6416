package broker

import (
	"bufio"
	"context"
	"io"

	"runner/agent/bootstrap"
	"runner/agent/wire"
)

// starter gets agents to run. There is one for use and one for tests.
type starter interface {
	// known says whether hash (SHA-256, hex) is that of this controller's own agent for a platform.
	known(goos, goarch, hash string) bool
	// shell returns the command that becomes an agent, from any login shell, and what attends to it over its streams: it
	// hands the agent over where it is asked to, says whether it was, and returns what begins with the first frame.
	// Closing the stream interrupts it.
	shell(nonce string) (command string, attend attendFunc)
	// start starts a hop on this machine. Its stream begins with the first frame.
	start(ctx context.Context, open wire.Open) (io.ReadWriteCloser, error)
}

type attendFunc func(ctx context.Context, stream io.ReadWriter) (first io.Reader, asked bool, err error)

// agents starts the controller's own agents.
type agents struct {
	source bootstrap.Source
}

func (a agents) known(goos, goarch, hash string) bool {
	for _, b := range a.source.Agents() {
		if b.OS == goos && b.Arch == goarch && b.Hash == hash {
			return true
		}
	}
	return false
}

func (a agents) shell(nonce string) (string, attendFunc) {
	return bootstrap.Command(nonce, a.source), func(ctx context.Context, stream io.ReadWriter) (io.Reader, bool, error) {
		r := bufio.NewReader(stream)
		w := &answers{Writer: stream}
		err := bootstrap.Handshake(ctx, r, w, nonce, a.source)
		return r, w.some, err
	}
}

// answers notices whether anything is written.
type answers struct {
	io.Writer
	some bool
}

func (a *answers) Write(p []byte) (int, error) {
	a.some = true
	return a.Writer.Write(p)
}

func (a agents) start(ctx context.Context, open wire.Open) (io.ReadWriteCloser, error) {
	panic("TODO")
}
