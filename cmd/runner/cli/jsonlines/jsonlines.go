// Package jsonlines prints what a command does for programs: events, and diagnostics as events, as JSON, one object a line. What
// events there are is for executor/event; what people see, for its neighbour views.
package jsonlines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"runner/executor/event"
)

// View prints events. All methods may be called by many goroutines.
type View struct {
	lines   chan []byte
	closing chan struct{}
	close   sync.Once
	writer  sync.WaitGroup

	mu  sync.Mutex // keeps the order of times and lines the same
	err error      // the writer's; read after it has ended
}

// queue is how many events may wait for a slow output before their senders do.
const queue = 1024

// New returns a view that prints to out, which nothing else may write to until it is closed.
func New(out io.Writer) *View {
	v := &View{lines: make(chan []byte, queue), closing: make(chan struct{})}
	v.writer.Go(func() { v.err = v.write(out) })
	return v
}

// Emit prints an event, which happened at a time; zero is now. Why a task has failed is a diagnostic too, with its place in the site.
func (v *View) Emit(e event.Event, at time.Time) {
	switch e := e.(type) {
	case event.Outline, event.Progress, event.EarlyFailure, event.Sent, event.Through, event.Identity:
		return // for people, and for records
	case event.Diagnostic:
		for _, d := range diagnosed(e) {
			v.print(d, at)
		}
		return
	case event.TaskEnd:
		for _, d := range failed(e) {
			v.print(d, at)
		}
	}
	v.print(e, at)
}

func (v *View) print(e event.Event, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at.IsZero() {
		at = time.Now()
	}
	select {
	case v.lines <- Line(e, at):
	case <-v.closing:
	}
}

// Diagnose prints diagnostics as events.
func (v *View) Diagnose(diags hcl.Diagnostics, at time.Time) {
	for _, d := range diags {
		v.Emit(Diagnostic(d), at)
	}
}

// Close waits until everything is printed.
func (v *View) Close() error {
	v.close.Do(func() { close(v.closing) })
	v.writer.Wait()
	return v.err
}

// write writes lines as they come, together what is waiting together. After an error it goes on taking them.
func (v *View) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10) // keeps its first error
	for open := true; open; {
		v.drain(out)
		_ = out.Flush()
		select {
		case line := <-v.lines:
			_, _ = out.Write(line)
		case <-v.closing:
			open = false
		}
	}
	v.drain(out)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("cannot write events: %w", err)
	}
	return nil
}

// drain writes what is waiting.
func (v *View) drain(out *bufio.Writer) {
	for {
		select {
		case line := <-v.lines:
			_, _ = out.Write(line)
		default:
			return
		}
	}
}

// Line is an event as a line of JSON: its type and the time first.
func Line(e event.Event, at time.Time) []byte {
	if p, ok := e.(event.PlannedChange); ok && p.Unknown == nil {
		p.Unknown = []string{} // a list in any case
		e = p
	}
	body, err := encode(e)
	if err != nil {
		// What is not plain (an infinite number, a map with keys of any type) comes from a target; it must not end the output.
		if body, err = encode(plainEvent(e)); err != nil {
			body = []byte("{}\n")
		}
	}
	head := fmt.Sprintf(`{"type":"%s","time":"%s"`, e.Kind(), at.UTC().Format(event.Layout))
	if len(body) > len("{}\n") {
		head += ","
	}
	return escape(append([]byte(head), body[1:]...))
}

// Object is a value as one line of JSON by itself.
func Object(v any) (string, error) {
	body, err := encode(v)
	if err != nil {
		return "", err
	}
	return string(escape(body)), nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("cannot encode %T: %w", v, err)
	}
	return b.Bytes(), nil
}

// escape writes the characters out that a terminal would act on and that JSON allows to stand (C1 controls, characters
// that turn or hide text). They only occur inside strings.
func escape(line []byte) []byte {
	if !bytes.ContainsFunc(line, acts) {
		return line
	}
	var out bytes.Buffer
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		switch {
		case !acts(r):
			out.Write(line[:size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		line = line[size:]
	}
	return out.Bytes()
}

func acts(r rune) bool {
	return r >= 0x7f && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// plainEvent replaces what JSON cannot say in the parts of an event that come from targets.
func plainEvent(e event.Event) event.Event {
	switch e := e.(type) {
	case event.PlannedChange:
		e.Before, e.After = plain(e.Before), plain(e.After)
		return e
	case event.TaskEnd:
		e.Result = plain(e.Result)
		e.Seconds = finite(e.Seconds)
		return e
	case event.RunEnd:
		e.Outputs, _ = plain(e.Outputs).(map[string]any)
		return e
	}
	return e
}

func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func plain(v any) any {
	switch v := v.(type) {
	case nil, string, bool, int, int64, uint64, json.Number:
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
		return v
	case []byte:
		return strings.ToValidUTF8(string(v), "\uFFFD")
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = plain(v[k])
		}
		return out
	case map[any]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[fmt.Sprint(k)] = plain(v[k])
		}
		return out
	}
	return fmt.Sprint(v)
}
