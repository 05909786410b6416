package broker

import (
	"bufio"
	"context"
	"io"
	"sync"

	"runner/agent/bootstrap"
	"runner/agent/child"
	"runner/agent/process"
	"runner/agent/wire"
)

// starter gets agents to run. There is one for use and one for tests.
type starter interface {
	// known says whether hash (SHA-256, hex) is that of this controller's own agent for a platform.
	known(goos, goarch, hash string) bool
	// shell returns the command that becomes an agent, from any login shell, and what attends to it over its streams.
	shell(nonce string) (command string, attend attendFunc)
	// start starts a hop on this machine.
	start(ctx context.Context, open *wire.Open) (localHop, error)
	// raw runs a command line behind a hop on this machine, without an agent.
	raw(ctx context.Context, open *wire.Open, argv []string, stdin io.Reader, stdout, stderr io.Writer) (process.Exit, error)
}

// attendFunc hands the agent over where it is asked to and says whether it was. What it returns begins with the first
// frame. Closing the stream interrupts it.
type attendFunc func(ctx context.Context, stream io.ReadWriter) (first io.Reader, asked bool, err error)

// localHop is a hop's program on this machine; its stream begins with the first frame.
type localHop interface {
	io.ReadWriteCloser
	// Explain completes why it ended with how, and with what it said last.
	Explain(why *wire.Problem) *wire.Problem
}

// agents starts the controller's own agents.
type agents struct {
	source bootstrap.Source
	dir    string

	once  sync.Once
	table *process.Table // of the hops on this machine; nil without any
}

func (a *agents) known(goos, goarch, hash string) bool {
	for _, b := range a.source.Agents() {
		if b.OS == goos && b.Arch == goarch && b.Hash == hash {
			return true
		}
	}
	return false
}

func (a *agents) shell(nonce string) (string, attendFunc) {
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

func (a *agents) start(ctx context.Context, open *wire.Open) (localHop, error) {
	return a.parent().Start(ctx, open)
}

func (a *agents) parent() *child.Parent {
	a.once.Do(func() { a.table = process.NewSharedTable() })
	return &child.Parent{Table: a.table, Source: a.source, Dir: a.dir}
}

func (a *agents) raw(ctx context.Context, open *wire.Open, argv []string, stdin io.Reader, stdout, stderr io.Writer) (process.Exit, error) {
	return a.parent().Raw(ctx, open, argv, stdin, stdout, stderr)
}

// close is called when no hop runs any more.
func (a *agents) close() {
	a.once.Do(func() {})
	if a.table != nil {
		a.table.Close()
	}
}
