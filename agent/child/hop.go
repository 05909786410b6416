package child

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"runner/agent/bootstrap"
	"runner/agent/process"
	"runner/agent/terminal"
	"runner/agent/wire"
)

const (
	// farewell is how long a child has to end by itself when its input has ended. It needs up to three seconds for a task
	// that does not want to end, and what earlier tasks have left running is not to be ended with it.
	farewell = 5 * time.Second
	// epilogue is how long the end of a hop's program is waited for once its output has ended.
	epilogue = time.Second
)

// hop is a hop's program while it runs, with its terminal if it has one.
type hop struct {
	name     string
	program  *process.Process
	terminal *os.File   // our side; nil without one
	slave    *os.File   // the other side, which we keep open so that the program may close and open it
	words    wire.Words // what it said on standard error and the terminal
	printed  transcript // until it is ready: all that it printed, which failures are looked for in
	prompter *prompter  // nil without a terminal

	mu      sync.Mutex    // guards refused
	refused *wire.Problem // why the prompter gave it up

	readers sync.WaitGroup
	over    chan struct{} // closed by kill
}

func (p *Parent) start(open *wire.Open, a *wire.Attempt, argv []string, more ...io.Writer) (*hop, error) {
	h := &hop{name: open.Name, over: make(chan struct{})}
	if a.Terminal {
		var err error
		if h.terminal, h.slave, err = terminal.Open(); err != nil {
			return nil, &wire.Problem{Code: wire.CodeTerminal, Message: fmt.Sprintf("%s: cannot get a terminal: %v", open.Name, err)}
		}
	}
	command := process.Command{
		Argv: append(slices.Clip(a.Argv), argv...),
		Env:  p.Table.Environ(a.Env), Dir: p.Dir,
	}
	var err error
	if h.program, err = p.Table.Start(command, h.slave); err != nil {
		h.closeTerminal()
		return nil, match(a, &wire.Problem{Code: wire.CodeStart, Message: open.Name + ": " + err.Error()}, []byte(err.Error()), -1)
	}
	said := append([]io.Writer{&h.words, &h.printed}, more...)
	onward := &lines{to: os.Stderr}
	if os.Getenv(bootstrap.DumpVariable) != "" {
		said = append(said, onward) // where every agent stands is for whoever started the first one
	}
	h.readers.Go(func() {
		_, _ = io.Copy(io.MultiWriter(said...), h.program.Stderr)
		onward.end()
	})
	if h.terminal != nil {
		h.prompter = newPrompter(h, a.Prompt)
		h.readers.Go(h.prompter.run)
	}
	return h, nil
}

// output is what the hop's program prints, remembered until the agent answers.
func (h *hop) output() io.Reader {
	return io.TeeReader(h.program.Stdout, &h.printed)
}

// ready ends what is only for the time before the agent's answer.
func (h *hop) ready() {
	h.printed.stop()
	if h.prompter != nil {
		h.prompter.stop()
	}
}

// watch makes the end of the hop's program the end of the hop. What lies behind may have kept its pipes: an agent whose
// sudo was killed would otherwise go on with nobody to end it.
func (h *hop) watch() {
	select {
	case <-h.program.Done():
	case <-h.over:
		return
	}
	timer := time.NewTimer(epilogue) // for what it has printed and nobody has read yet
	defer timer.Stop()
	select {
	case <-timer.C:
		h.abandon()
	case <-h.over:
	}
}

// abandon ends the input of the hop's program, and wakes who reads from or writes to it. It does not wait.
func (h *hop) abandon() {
	past := time.Unix(1, 0)
	_ = h.program.Stdout.SetReadDeadline(past)
	_ = h.program.Stdin.Close()
}

// refuse abandons the hop for a reason of our own.
func (h *hop) refuse(why *wire.Problem) {
	h.mu.Lock()
	if h.refused == nil {
		h.refused = why
	}
	h.mu.Unlock()
	h.abandon()
}

// failed ends a hop that has not become a child and says why, in the words of its program where that decided.
func (h *hop) failed(ctx context.Context, a *wire.Attempt, err error) error {
	_ = h.program.Stdin.Close()
	refused := h.refusal()
	ours := refused != nil || ctx.Err() != nil
	why := problem(err)
	switch {
	case refused != nil:
		why = refused
	case ours:
		why = problem(context.Cause(ctx))
	default:
		h.await(epilogue)
	}
	exit, ended := h.exit()
	h.kill() // now everything that was printed has been read
	printed := h.printed.bytes()
	told := &wire.Problem{Code: why.Code, Message: h.name + ": " + why.Message, Hint: why.Hint, Quote: h.words.String()}
	if told.Quote == "" {
		told.Quote = wire.Quote(printed)
	}
	if ours && told.Code != wire.CodeHop {
		return told
	}
	if ended && told.Code == wire.CodeEnded {
		told.Code, told.Message = wire.CodeHop, h.name+": "+ending(exit)
	}
	return match(a, told, printed, exit.Status)
}

// match looks for the failure that the transport has foreseen. What the bootstrap has found out for itself stands, and
// can only lead to another attempt.
func match(a *wire.Attempt, why *wire.Problem, printed []byte, status int) error {
	found := why.Code != wire.CodeHop && why.Code != wire.CodeEnded && why.Code != wire.CodeStart
	for _, f := range a.Failures {
		if f.Exit != 0 && f.Exit != status || !bytes.Contains(printed, []byte(f.Contains)) {
			continue
		}
		if f.Next && f.Contains == "" && !another(why.Code) {
			continue
		}
		if f.Next {
			return &nextError{why}
		}
		switch {
		case !found:
			why.Code, why.Hint = f.Code, f.Hint
		case f.Code == why.Code && why.Hint == "":
			why.Hint = f.Hint
		default:
			continue
		}
		return why
	}
	return why
}

// another says whether, after such an end, another way might do. A program that is not there, that prints without end or
// does not answer would behave the same next time.
func another(code wire.Code) bool {
	switch code { //nolint:exhaustive // all others
	case wire.CodeStart, wire.CodeNoise, wire.CodeTimeout, wire.CodeCancelled, wire.CodeClosed:
		return false
	}
	return true
}

func (h *hop) await(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-h.program.Done():
	case <-timer.C:
	}
}

func (h *hop) exit() (process.Exit, bool) {
	select {
	case <-h.program.Done():
		return h.program.Exit(), true
	default:
		return process.Exit{}, false
	}
}

func ending(e process.Exit) string {
	if e.Signal != "" {
		return "it was ended by " + e.Signal
	}
	return fmt.Sprintf("it ended with status %d", e.Status)
}

// end ends the hop politely.
func (h *hop) end() {
	_ = h.program.Stdin.Close()
	h.await(farewell)
	h.kill()
}

// kill ends the hop's whole tree, and what we had to do with it.
func (h *hop) kill() { h.close(true) }

// close ends what we have to do with the hop's program, and its whole tree if that is wanted.
func (h *hop) close(tree bool) {
	close(h.over)
	if h.prompter != nil {
		h.prompter.stop()
	}
	if tree {
		h.program.End(nil)
	}
	past := time.Now().Add(100 * time.Millisecond) // what has been printed is there by now
	_ = h.program.Stderr.SetReadDeadline(past)
	if h.terminal != nil {
		_ = h.terminal.SetReadDeadline(past)
	}
	h.readers.Wait()
	h.closeTerminal()
	h.program.Close()
}

func (h *hop) closeTerminal() {
	if h.terminal != nil {
		_ = h.terminal.Close()
		_ = h.slave.Close()
	}
}

func (h *hop) explain(why *wire.Problem) *wire.Problem {
	told := *why
	told.Message = h.name + ": " + told.Message
	if told.Code == wire.CodeEnded { // else the program may well go on
		h.await(epilogue)
		if exit, ended := h.exit(); ended {
			told.Message = h.name + ": " + ending(exit)
		}
	}
	told.Quote = h.words.String()
	return &told
}

// transcript keeps the beginning of what is printed.
type transcript struct {
	mu      sync.Mutex
	kept    []byte
	stopped bool
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		t.kept = append(t.kept, p[:min(len(p), wire.MaxNoise-len(t.kept))]...)
	}
	return len(p), nil
}

func (t *transcript) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.kept)
}

func (t *transcript) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped, t.kept = true, nil
}
