package executor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"runner/agent/manifest"
	"runner/agent/transfer"
	"runner/agent/wire"
	"runner/executor/broker"
	"runner/planner/plan"
)

// inlineHave is how many bytes of an inventory a call carries itself.
const inlineHave = 1 << 20

// fetching is the controller's half of a call that fetches: it writes what comes as the call's output, or only finds out what it would write.
type fetching struct {
	path, destination string
	whole             bool // all that changes is to be listed
	isNew             bool // nothing is there yet
	exact             transfer.Exact
	args              map[string]any // of the call, beside those of the task
	first             []byte         // of the input

	in   *io.PipeReader
	to   *io.PipeWriter
	over chan struct{} // closed when all is written, or nothing more will be
	err  error         // why not; may be read then
}

// fetch prepares the controller's half of an instance.
func (h *hostRun) fetch(in plan.Instance) (*fetching, error) {
	f := &fetching{destination: in.Destination, whole: h.run.WholeDiff, over: make(chan struct{})}
	f.path, _ = in.Args["path"].(string)
	remove, _ := in.Args["delete"].(bool)
	checksum, _ := in.Args["checksum"].(bool)
	filter := manifest.Filter{Exclude: texts(in.Args["exclude"]), Include: texts(in.Args["include"])}
	f.exact = transfer.Exact{Dry: h.isPreview(), Delete: remove, Excludes: filter.Excludes}
	info, err := os.Lstat(f.destination)
	f.isNew = errors.Is(err, os.ErrNotExist)
	if err == nil && info.Mode()&os.ModeSymlink != 0 { // a target may have made it
		if led, err := os.Stat(f.destination); err == nil && led.IsDir() {
			return nil, errors.New("it is a link to a directory, and no link is followed there: name the directory, or remove the link")
		}
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	ctx := h.run.open
	have, err := transfer.Take(ctx, f.destination, salt, !checksum)
	if err != nil {
		return nil, err
	}
	if !f.exact.Dry {
		if err := os.MkdirAll(filepath.Dir(f.destination), 0o755); err != nil { //nolint:gosec // as people make directories
			return nil, err
		}
	}
	r, err := transfer.NewExactReceiver(ctx, f.destination, &f.exact, transfer.Progress{})
	if err != nil {
		return nil, err
	}
	f.args = map[string]any{"salt": salt, "held": r.Held()}
	if len(have) > inlineHave {
		f.args["have_size"], f.first = len(have), have
	} else {
		f.args["have"] = have
	}
	f.in, f.to = io.Pipe()
	h.run.ends.Go(func() { f.receive(h.run.waited, r) }) // until its end: see until
	return f, nil
}

// until ends what is written when the call has ended, or nobody waits for that any more.
func (f *fetching) until(done <-chan struct{}, r *run) {
	r.ends.Go(func() {
		select {
		case <-done:
		case <-r.waited.Done():
		}
		f.end()
	})
}

func (f *fetching) end() {
	_ = f.to.CloseWithError(io.ErrUnexpectedEOF) // never fails
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, text := range list {
		out[i], _ = text.(string)
	}
	return out
}

// receive takes the stream to its end; finish waits for that.
func (f *fetching) receive(ctx context.Context, r *transfer.Receiver) {
	defer close(f.over)
	defer r.Close()
	_, f.err = r.Receive(ctx, f.in)
	f.in.CloseWithError(io.ErrClosedPipe) // what else comes is dropped
}

// hear takes what comes.
func (f *fetching) hear(stream wire.Stream, data []byte) {
	if stream == wire.StreamOutput {
		_, _ = f.to.Write(data) // if it fails, nobody takes it any more
	}
}

// options say how the call is made.
func (f *fetching) options(o *broker.CallOptions) {
	o.Live, o.Answers, o.Window = f.hear, true, wire.WideWindow
	o.Input = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(string(f.first)), f)), nil
	}
}

// Read gives one byte once everything is written.
func (f *fetching) Read(p []byte) (int, error) {
	<-f.over
	if f.err != nil || len(p) == 0 {
		return 0, f.err
	}
	p[0] = 1
	return 1, io.EOF
}

// with are a call's arguments with those of the controller's half.
func (f *fetching) with(args map[string]any) map[string]any {
	out := maps.Clone(args)
	maps.Copy(out, f.args)
	return out
}

// finish waits for the end of what is written, and makes of what the target has said what that comes to. It can be called twice.
func (f *fetching) finish(a *answer) {
	f.end()
	<-f.over
	unknown := len(a.Change.Unknown) > 0
	cut := errors.As(f.err, new(*transfer.CutError))
	switch {
	case a.Problem != nil && (f.err == nil || cut), unknown:
		return
	case f.err != nil:
		problem := &wire.Problem{Code: wire.CodeAction, Message: f.err.Error()}
		_ = errors.As(transfer.Explain(f.err), &problem)
		a.Problem = &wire.Problem{Code: wire.CodeAction, Message: fmt.Sprintf("cannot write %s on the controller: %s", f.destination, problem.Message), Hint: problem.Hint}
		return
	}
	a.Problem = nil
	values := map[string]any{"path": f.path, "destination": f.destination, "bytes": f.exact.Bytes}
	for name, sign := range map[string]byte{"created": '+', "updated": '~', "removed": '-'} {
		n := int64(0)
		for _, d := range f.exact.Done {
			if d.Sign == sign {
				n++
			}
		}
		values[name] = n
	}
	a.values, a.found, a.Change = values, found{Change: wire.Change{Verb: wire.VerbNone}}, wire.Change{Verb: wire.VerbNone}
	if len(f.exact.Done) == 0 {
		return
	}
	a.found.Verb, a.found.after, a.found.before = wire.VerbUpdate, values, map[string]any{"path": f.path} // the destination is shown
	if f.isNew {
		a.found.Verb, a.found.before = wire.VerbCreate, nil
	}
	a.found.Diff = f.listed()
	a.Change.Verb = a.found.Verb
}

// listed lists what changes.
func (f *fetching) listed() string {
	most := 40
	if f.whole {
		most = 20_000
	}
	var out strings.Builder
	for i, d := range f.exact.Done {
		if i == most {
			fmt.Fprintf(&out, "\\ and %d more\n", len(f.exact.Done)-most)
			break
		}
		name := d.Path
		if name == "" && d.Dir {
			name = "."
		} else if name == "" {
			name = filepath.Base(f.destination)
		}
		if d.Dir {
			name += "/"
		}
		if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
			name = quoted
		}
		fmt.Fprintf(&out, "%c %s\n", d.Sign, name)
	}
	return out.String()
}
