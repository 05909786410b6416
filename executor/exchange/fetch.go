package exchange

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

// Fetch is the controller's half of a call that fetches: it writes what comes as the call's output, or only finds out what it would write.
type Fetch struct {
	path, destination string
	whole             bool // all that changes is to be listed
	isNew             bool // nothing is there yet
	exact             transfer.Exact
	args              map[string]any // of the call, beside those of the task
	first             []byte         // of the input
	receiver          *transfer.Receiver

	in   *io.PipeReader
	to   *io.PipeWriter
	over chan struct{} // closed when all is written, or nothing more will be
	err  error         // why not; may be read then
}

// FetchOptions say how one is done.
type FetchOptions struct {
	Dry       bool // only find out what would be written
	WholeDiff bool // long lists are not shortened
}

// NewFetch prepares the half of an instance's call, until ctx ends.
func NewFetch(ctx context.Context, in plan.Instance, o FetchOptions) (*Fetch, error) {
	f := &Fetch{destination: in.Destination, whole: o.WholeDiff, over: make(chan struct{})}
	f.path, _ = in.Args["path"].(string)
	remove, _ := in.Args["delete"].(bool)
	checksum, _ := in.Args["checksum"].(bool)
	filter := manifest.Filter{Exclude: texts(in.Args["exclude"]), Include: texts(in.Args["include"])}
	f.exact = transfer.Exact{Dry: o.Dry, Delete: remove, Excludes: filter.Excludes}
	info, err := os.Lstat(f.destination)
	f.isNew = errors.Is(err, os.ErrNotExist)
	if err == nil && info.Mode()&os.ModeSymlink != 0 { // a target may have made it
		if led, err := os.Stat(f.destination); err == nil && led.IsDir() {
			return nil, errors.New("it is a link to a directory, and no link is followed there: name the directory, or remove the link")
		}
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	have, err := transfer.Take(ctx, f.destination, salt, !checksum)
	if err != nil {
		return nil, err
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
	f.receiver = r
	return f, nil
}

// Until waits for the end of the call, or that nobody waits for it any more, and ends what is written. Where that cannot go on it has the call
// cancelled before.
func (f *Fetch) Until(ended, given <-chan struct{}, cancel func()) {
	select {
	case <-ended:
	case <-given:
	case <-f.over:
		if f.err != nil {
			cancel()
		}
	}
	f.End()
}

// End notes that nothing more comes. It can be called twice.
func (f *Fetch) End() {
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

// Receive writes what comes until End, or the end of ctx; Finish waits for that.
func (f *Fetch) Receive(ctx context.Context) {
	defer close(f.over)
	defer f.receiver.Close()
	_, f.err = f.receiver.Receive(ctx, f.in)
	f.in.CloseWithError(io.ErrClosedPipe) // what else comes is dropped
}

// hear takes what comes.
func (f *Fetch) hear(stream wire.Stream, data []byte) {
	if stream == wire.StreamOutput {
		_, _ = f.to.Write(data) // if it fails, nobody takes it any more
	}
}

// Options say how the call is made.
func (f *Fetch) Options(o *broker.CallOptions) {
	o.Live, o.Answers, o.Window = f.hear, true, wire.WideWindow
	o.Input = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(string(f.first)), f)), nil
	}
}

// Read gives one byte once everything is written.
func (f *Fetch) Read(p []byte) (int, error) {
	<-f.over
	if f.err != nil || len(p) == 0 {
		return 0, f.err
	}
	p[0] = 1
	return 1, io.EOF
}

// Args are a call's arguments with those of the controller's half.
func (f *Fetch) Args(args map[string]any) map[string]any {
	out := maps.Clone(args)
	maps.Copy(out, f.args)
	return out
}

// Finish waits for the end of what is written, and makes of what the target has said what that comes to. It can be called twice.
func (f *Fetch) Finish(r *wire.Result, a *wire.Attributes) {
	f.End()
	<-f.over
	unknown := len(r.Change.Unknown) > 0
	cut := errors.As(f.err, new(*transfer.CutError))
	switch {
	case r.Problem != nil && (f.err == nil || cut), unknown:
		return
	case f.err != nil:
		problem := &wire.Problem{Code: wire.CodeAction, Message: f.err.Error()}
		_ = errors.As(transfer.Explain(f.err), &problem)
		r.Problem = &wire.Problem{Code: wire.CodeAction, Message: fmt.Sprintf("cannot write %s on the controller: %s", f.destination, problem.Message), Hint: problem.Hint}
		return
	}
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
	r.Problem, r.Change, *a = nil, wire.Change{Verb: wire.VerbNone}, wire.Attributes{Values: values}
	if len(f.exact.Done) == 0 {
		return
	}
	r.Change.Verb, r.Change.Diff = wire.VerbUpdate, f.listed()
	a.After, a.Before = values, map[string]any{"path": f.path} // the destination is shown
	if f.isNew {
		r.Change.Verb, a.Before = wire.VerbCreate, nil
	}
}

// listed lists what changes.
func (f *Fetch) listed() string {
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
