package views

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/cmd/runner/cli/style"
	"runner/executor/event"
	"runner/lang/diag"
)

// human shows a run to people. One goroutine takes what arrives, keeps the state and writes.
type human struct {
	o       Options
	style   style.Style
	items   chan item
	closing chan struct{}
	close   sync.Once
	writer  sync.WaitGroup
	err     error // the writer's; read after it has ended
}

// item is one thing to show: an event, diagnostics or a log line.
type item struct {
	event event.Event
	diags hcl.Diagnostics
	log   []byte
}

func newHuman(o Options) *human {
	h := &human{o: o, style: style.Style{Color: o.Color}, items: make(chan item, queue), closing: make(chan struct{})}
	o.Log.divert(func(line []byte) { h.send(item{log: line}) })
	h.writer.Go(func() { h.err = h.write() })
	return h
}

// Emit takes an event.
func (h *human) Emit(e event.Event, _ time.Time) { h.send(item{event: e}) }

// Diagnose takes diagnostics.
func (h *human) Diagnose(diags hcl.Diagnostics, _ time.Time) {
	if len(diags) > 0 {
		h.send(item{diags: diags})
	}
}

func (h *human) send(i item) {
	select {
	case h.items <- i:
	case <-h.closing:
	}
}

// Close waits until everything is shown.
func (h *human) Close() error {
	h.o.Log.divert(nil)
	h.close.Do(func() { close(h.closing) })
	h.writer.Wait()
	return h.err
}

// write shows items until the view is closed: at once where there is no region, else with its next frame.
func (h *human) write() error {
	s := &screen{out: h.o.Out, size: h.o.Size, noFlow: os.Getenv("XTERM_VERSION") != ""}
	r := newReport(h.o, h.style, s)
	var tick <-chan time.Time
	if h.o.Size != nil {
		t := time.NewTicker(redraw)
		defer t.Stop()
		tick = t.C
	}
	last := time.Now()
	for {
		select {
		case i := <-h.items:
			h.show(r, s, i)
			for waiting := true; waiting && s.lasting.Len() < 64<<10; {
				select {
				case i := <-h.items:
					h.show(r, s, i)
				default:
					waiting = false
				}
			}
			if tick == nil || s.lasting.Len() > 1<<20 {
				s.flush()
			}
		case now := <-tick:
			if now.Sub(last) > 20*redraw { // the program was stopped, and whoever stopped it has written since
				s.forget()
			}
			last = now
			if r.live == nil {
				s.flush()
				continue
			}
			width, height := s.size()
			s.draw(r.live.lines(width, height, now))
		case <-h.closing:
			for {
				select {
				case i := <-h.items:
					h.show(r, s, i)
					continue
				default:
				}
				r.end()
				s.flush()
				if s.err != nil {
					return fmt.Errorf("cannot write what happened: %w", s.err)
				}
				return nil
			}
		}
	}
}

func (h *human) show(r *report, s *screen, i item) {
	switch {
	case i.event != nil:
		r.see(i.event, time.Now())
	case i.diags != nil:
		s.flush()
		if err := h.o.ErrPrinter().Print(h.o.Err, i.diags); err != nil && s.err == nil {
			s.err = err
		}
	default:
		s.flush()
		io.Copy(h.o.Err, strings.NewReader(diag.Harmless(string(i.log)))) //nolint:errcheck // nowhere to tell
	}
}

// ErrPrinter renders diagnostics for Err.
func (o *Options) ErrPrinter() diag.Printer {
	const widest = 120
	width := 0
	if o.ErrSize != nil {
		width, _ = o.ErrSize()
		width = min(width, widest)
	}
	return diag.Printer{Files: o.Files, Width: width, Color: o.ErrColor}
}
