// Package waiting holds the action wait: it looks again and again until something is as it should be. It changes nothing.
package waiting

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"runner/agent/action"
	"runner/agent/action/pattern"
	"runner/agent/process"
	"runner/agent/wire"
)

const (
	// soon and late are the shortest and the longest time between two looks.
	soon = 50 * time.Millisecond
	late = 2 * time.Second
	// patience is how long is waited where the task does not say.
	patience = 5 * time.Minute
	// handshake is how long a port may take to answer.
	handshake = 5 * time.Second
	// longestLine is how much of a line a pattern is looked for in.
	longestLine = 1 << 20
)

// Wait is the action of that name. One of Port, Path, Process and Argv is given.
type Wait struct {
	Port    float64          `cbor:"port"`
	Host    string           `cbor:"host"`
	Path    string           `cbor:"path"`
	Process string           `cbor:"process"`
	Argv    []string         `cbor:"argv"`
	Pattern *pattern.Pattern `cbor:"pattern"`
	State   string           `cbor:"state"`

	match any    // what the pattern has matched
	words string // of the program that failed last
}

// Look waits. A preview does not, and knows nothing of the result.
func (w *Wait) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	out := action.Change(wire.VerbRead, nil, nil, env.Unknown...)
	if len(w.Argv) > 0 && !env.IsUnknown("argv") && !env.View.Disturbed() && !env.View.Program(w.Argv[0], env.Dir, env.Environ) {
		return action.Outcome{}, notStarted(&process.StartError{Program: w.Argv[0], Err: errors.New("no such program")})
	}
	if env.Mode == wire.ModeLook {
		out.Change.Unknown, out.Change.Why = append(out.Change.Unknown, "result"), "a plan does not wait"
		return out, nil
	}
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	began := time.Now()
	seen := "nothing"
	for pause := soon; ; pause = min(2*pause, late) {
		there, what, err := w.see(ctx, env)
		if err != nil {
			return action.Outcome{}, err
		}
		if there == (w.State != "absent") && ctx.Err() == nil {
			out.Values = map[string]any{"seconds": time.Since(began).Seconds(), "match": w.match}
			return out, nil
		}
		if ctx.Err() == nil {
			seen = what
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			continue
		case <-ctx.Done():
			timer.Stop()
		}
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return action.Outcome{}, context.Cause(ctx)
		}
		return action.Outcome{}, &wire.Problem{
			Code: wire.CodeTimeout, Message: fmt.Sprintf("waited for %v, and %s", time.Since(began).Round(time.Second/10), seen), Quote: w.words,
		}
	}
}

// Act is not called.
func (w *Wait) Act(_ context.Context, _ *action.Env, found action.Outcome) (action.Outcome, error) {
	return found, nil
}

// see says whether what is waited for is there, and in words what is.
func (w *Wait) see(ctx context.Context, env *action.Env) (there bool, what string, err error) {
	switch {
	case w.Port != 0:
		there, what = w.listens(ctx)
	case w.Process != "":
		there, err = runs(w.Process)
		what = fmt.Sprintf("no process %s runs", w.Process)
		if there {
			what = fmt.Sprintf("a process %s still runs", w.Process)
		}
	case len(w.Argv) > 0:
		there, what, err = w.succeeds(ctx, env)
	default:
		there, what, err = w.finds(ctx)
	}
	return there, what, err
}

// listens says whether a port takes connections. Unless a host is given it is looked for on this one.
func (w *Wait) listens(ctx context.Context) (bool, string) {
	hosts, port := []string{w.Host}, strconv.Itoa(int(w.Port))
	if w.Host == "" {
		hosts = []string{"127.0.0.1", "::1"}
	}
	first := ""
	for _, host := range hosts {
		at := net.JoinHostPort(host, port)
		dialer := net.Dialer{Timeout: handshake}
		conn, err := dialer.DialContext(ctx, "tcp", at)
		if err == nil {
			_ = conn.Close()
			return true, at + " still takes connections"
		}
		if first == "" {
			first = fmt.Sprintf("%s takes no connection: %v", at, err)
		}
	}
	return false, first
}

// finds says whether something is at the path, or whether the pattern matches in a line of the file there.
func (w *Wait) finds(ctx context.Context) (bool, string, error) {
	_, err := os.Lstat(w.Path)
	switch {
	case action.Gone(err), errors.Is(err, syscall.ENOTDIR):
		return false, "there is no " + w.Path, nil
	case err != nil:
		return false, "", action.Cannot("find out whether there is", w.Path, err)
	case w.Pattern == nil:
		return true, w.Path + " is still there", nil
	}
	f, err := os.OpenFile(w.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, "there is no " + w.Path, nil
	}
	if err != nil {
		return false, "", action.Cannot("read", w.Path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false, "", action.Problem("Name a file.", "cannot look for the pattern in %s: it is no regular file", w.Path)
	}
	there, err := w.matches(ctx, f)
	if err != nil && ctx.Err() == nil {
		return false, "", action.Cannot("read", w.Path, err)
	}
	if there {
		return true, "a line of " + w.Path + " still matches", nil
	}
	return false, "no line of " + w.Path + " matches", nil
}

// matches looks for the pattern in each line. Of a very long one it sees parts.
func (w *Wait) matches(ctx context.Context, r io.Reader) (bool, error) {
	w.match = nil
	lines := bufio.NewReader(r)
	var line []byte
	for ctx.Err() == nil {
		part, err := lines.ReadSlice('\n')
		if line = append(line, part...); errors.Is(err, bufio.ErrBufferFull) && len(line) < longestLine {
			continue
		}
		text := bytes.TrimRight(line, "\r\n")
		if at := w.Pattern.Find(ctx, text, 0); at != nil && (err == nil || len(line) > 0) {
			w.match = string(text[at[0]:at[1]])
			return true, nil
		}
		if line = line[:0]; errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false, err
		}
	}
	return false, context.Cause(ctx)
}

// succeeds says whether the program ends well, and prints what the pattern matches if there is one.
func (w *Wait) succeeds(ctx context.Context, env *action.Env) (there bool, what string, _ error) {
	exit, err := env.Processes.Run(ctx, process.Command{Argv: w.Argv, Dir: env.Dir, Env: env.Environ})
	if err != nil {
		for _, passes := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.ETXTBSY} {
			if errors.Is(err, passes) {
				return false, err.Error(), nil
			}
		}
		return false, "", notStarted(err)
	}
	name := w.Argv[0]
	if ctx.Err() != nil {
		return false, name + " did not end", nil //nolint:nilerr // Look says why
	}
	w.words = wire.Quote(exit.Stderr)
	if len(bytes.TrimSpace(exit.Stderr)) == 0 {
		w.words = wire.Quote(exit.Stdout)
	}
	switch {
	case exit.Signal != "":
		return false, fmt.Sprintf("%s was ended by %s", name, exit.Signal), nil
	case exit.Status != 0:
		return false, fmt.Sprintf("%s ended with status %d", name, exit.Status), nil
	case w.Pattern == nil:
		return true, name + " still ends well", nil
	}
	if there, _ := w.matches(ctx, bytes.NewReader(exit.Stdout)); !there {
		return false, "no line that " + name + " prints matches", nil
	}
	return true, "a line that " + name + " prints still matches", nil
}

// notStarted is the failure where there is no such program: neither state is waited for, because it may be misspelt.
func notStarted(err error) error {
	return action.Problem("Correct its name. If it is yet to come, wait for it first: path = \"/its/whole/path\".", "%v", err)
}

// runs says whether a process of a name runs: that of its program, or the last part of what it was called by.
func runs(name string) (bool, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false, action.Problem("Let argv say it: [\"pgrep\", \"-x\", NAME].", "cannot see what runs: %v", err)
	}
	for _, e := range entries {
		if e.Name()[0] < '0' || e.Name()[0] > '9' {
			continue
		}
		comm, err := os.ReadFile("/proc/" + e.Name() + "/comm")
		if err != nil {
			continue // it has ended
		}
		called, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		first, _, _ := strings.Cut(string(called), "\x00")
		if len(called) > 0 && strings.TrimSuffix(string(comm), "\n") == name || first[strings.LastIndexByte(first, '/')+1:] == name {
			return true, nil
		}
	}
	return false, nil
}
