package child

import (
	"bytes"
	"sync"
	"time"

	"runner/agent/terminal"
	"runner/agent/wire"
)

const (
	// glance is how often a terminal's mode is looked at while a prompt is possible.
	glance = 20 * time.Millisecond
	// attentive is how much of what a terminal shows is searched for a prompt.
	attentive = 8 << 10
	// patience is how long a question that is not ours may stand: programs also hide what is typed for other reasons.
	patience = 2 * time.Second
)

// prompter watches a hop's terminal, and answers the one question that it has the secret for, once.
//
// A program asks for a password by switching the terminal's echo off and printing something. That alone could be
// anybody who runs behind the hop. So the terminal must still belong to the hop's program alone, which has started no
// other, and where the program was told what to print (the marker), nothing else will do: what it starts could read the
// marker off its command line. A marker in a banner is not enough either: the echo is on then, and what is typed would
// be shown.
type prompter struct {
	hop    *hop
	marker []byte

	mu       sync.Mutex // guards what follows
	secret   []byte     // nil: there is none, or it has been given
	answered bool
	shown    []byte    // since the start, or since the answer; the last of it
	open     bool      // after the answer: echo has been on again
	other    time.Time // since when another question than ours stands; zero: none does
	stopped  bool

	done chan struct{} // closed by stop
	once sync.Once
}

func newPrompter(h *hop, p *wire.Prompt) *prompter {
	q := &prompter{hop: h, done: make(chan struct{})}
	if p != nil {
		q.marker = []byte(p.Marker)
		if len(p.Secret) > 0 {
			q.secret = bytes.Clone(p.Secret)
		}
	}
	return q
}

// stop ends the watch: the agent has answered, or nobody waits for it any more. What the terminal shows is read on.
func (q *prompter) stop() {
	q.once.Do(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.stopped = true
		clear(q.secret)
		close(q.done)
	})
}

// run reads the terminal until it is closed or its deadline passes.
func (q *prompter) run() {
	var watch sync.WaitGroup
	watch.Go(q.watch)
	defer watch.Wait()
	defer q.stop()
	buffer := make([]byte, 4<<10)
	for {
		n, err := q.hop.terminal.Read(buffer)
		if n > 0 {
			_, _ = q.hop.words.Write(buffer[:n])
			_, _ = q.hop.printed.Write(buffer[:n])
			q.show(buffer[:n])
		}
		if err != nil { // kill's deadline, or the program's end
			return
		}
	}
}

func (q *prompter) show(p []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shown = append(q.shown, p...)
	q.shown = q.shown[max(0, len(q.shown)-attentive):]
	q.lookLocked()
}

// watch looks at the terminal now and then: a program may print its question before it switches the echo off.
func (q *prompter) watch() {
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		select {
		case <-q.done:
			return
		case <-ticker.C:
		}
		q.mu.Lock()
		q.lookLocked()
		q.mu.Unlock()
	}
}

func (q *prompter) lookLocked() {
	if q.stopped {
		return
	}
	hidden := !terminal.Echoes(q.hop.terminal)
	if q.answered && !hidden {
		q.open = true
	}
	if !hidden || !q.askedLocked() {
		q.otherLocked(hidden)
		return
	}
	switch {
	case q.answered:
		q.hop.refuse(&wire.Problem{Code: wire.CodePassword, Message: "the password was refused", Hint: "The password of this hop is wrong; it was tried once."})
	case q.secret == nil:
		q.hop.refuse(&wire.Problem{Code: wire.CodeNoPassword, Message: "a password was asked for and none is configured", Hint: "Set the password of this hop."})
	default:
		q.answerLocked()
		return
	}
	q.stopped = true
}

// askedLocked says whether what is shown is a question to us, given that the echo is off.
func (q *prompter) askedLocked() bool {
	if len(q.marker) > 0 { // the program asks in no other way for what we have, and nobody does after it
		return bytes.Contains(q.shown, q.marker) && !q.hop.program.HandedOn()
	}
	text := bytes.TrimSpace(q.shown)
	if q.answered && !q.open {
		// Stars and a line break still belong to the same question. Another one may have followed at once.
		text = bytes.Trim(q.shown[bytes.LastIndexByte(q.shown, '\n')+1:], "*\b \r")
	}
	return len(text) > 0 && q.hop.program.Alone()
}

// otherLocked gives a hop up that waits for the answer to another question than ours, such as for a new password.
func (q *prompter) otherLocked(hidden bool) {
	text := bytes.Trim(q.shown, "*\b \r\n") // what is left of an answer: stars, a line break
	if !hidden || len(q.marker) == 0 || len(text) == 0 || !q.hop.program.Alone() {
		q.other = time.Time{}
		return
	}
	switch {
	case q.other.IsZero():
		q.other = time.Now()
	case time.Since(q.other) > patience:
		q.stopped = true
		q.hop.refuse(&wire.Problem{Code: wire.CodeHop, Message: "it asks something else than for its password"})
	}
}

func (q *prompter) answerLocked() {
	line := append(q.secret, '\n')
	_, err := q.hop.terminal.Write(line)
	clear(line)
	clear(q.secret)
	q.secret, q.answered, q.shown = nil, true, nil
	if err != nil {
		q.stopped = true
		q.hop.refuse(&wire.Problem{Code: wire.CodeTerminal, Message: "cannot type the password: " + err.Error()})
	}
}
