package views

import (
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	copying "runner/agent/transfer"
	"runner/cmd/runner/cli/style"
	"runner/lang/diag"
)

// Meter shows how far a copy is, in one line of a terminal: what is being copied, how much of all, how fast, and how long
// it will take. It must be closed.
type Meter struct {
	out    io.Writer // nil: nothing is shown
	screen func() (width, height int)
	stop   chan struct{}
	done   sync.WaitGroup

	mu    sync.Mutex // held while something is shown; guards what follows
	began time.Time
	name  string
	moved int64
	total int64 // -1: not known
	rate  rate
}

// NewMeter returns a meter for a terminal; nil is none.
func NewMeter(out io.Writer, screen func() (width, height int)) *Meter {
	m := &Meter{out: out, screen: screen, stop: make(chan struct{}), began: time.Now(), total: -1}
	if out == nil {
		return m
	}
	m.done.Go(func() {
		tick := time.NewTicker(redraw)
		defer tick.Stop()
		for {
			select {
			case <-m.stop:
				return
			case now := <-tick.C:
				m.draw(now, false)
			}
		}
	})
	return m
}

// Progress is what tells the meter.
func (m *Meter) Progress() copying.Progress {
	return copying.Progress{
		Total: func(_ int, bytes int64) { m.set(func() { m.total = bytes }) },
		Moved: func(bytes int64) { m.set(func() { m.moved += bytes }) },
		Begun: func(name string) { m.set(func() { m.name = path.Base("/" + name) }) },
	}
}

func (m *Meter) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// Aside lets something else be shown, above the meter.
func (m *Meter) Aside(show func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.out != nil {
		fmt.Fprint(m.out, "\r\x1b[K") //nolint:errcheck // nowhere to tell
	}
	show()
}

// Close shows the end: the whole copy, if it went well, or nothing.
func (m *Meter) Close(well bool) {
	if m.out == nil {
		return
	}
	close(m.stop)
	m.done.Wait()
	if well {
		m.draw(time.Now(), true)
		return
	}
	fmt.Fprint(m.out, "\r\x1b[K") //nolint:errcheck // nowhere to tell
}

func (m *Meter) draw(now time.Time, end bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	line := m.line(now, end)
	width := 80
	if m.screen != nil {
		width, _ = m.screen()
	}
	if runes := []rune(line); len(runes) >= width {
		line = string(runes[:max(width-1, 0)])
	}
	finish := ""
	if end {
		finish = "\n"
	}
	fmt.Fprint(m.out, "\r"+line+"\x1b[K"+finish) //nolint:errcheck // nowhere to tell
}

// line is what is shown at a moment; mu is held.
func (m *Meter) line(now time.Time, end bool) string {
	m.rate.at(now, m.moved)
	parts := []string{style.Size(m.moved)}
	if m.total >= 0 && !end {
		parts[0] += " of " + style.Size(m.total)
	}
	perSecond := m.rate.perSecond()
	if end {
		perSecond = float64(m.moved) / max(now.Sub(m.began).Seconds(), 0.001)
	}
	parts = append(parts, style.Size(int64(perSecond))+"/s")
	switch {
	case end:
		parts = append(parts, style.Duration(now.Sub(m.began)))
	case m.total >= m.moved && perSecond > 0:
		parts = append(parts, style.Seconds(float64(m.total-m.moved)/perSecond)+" left", diag.HarmlessLine(m.name))
	}
	if m.total > 0 && !end {
		parts = append([]string{fmt.Sprintf("%3d%%", 100*m.moved/m.total)}, parts...)
	}
	return strings.Join(parts, "  ")
}

// rate is how fast something has grown over the last seconds.
type rate struct {
	times  []time.Time
	values []int64
}

const rateWindow = 5 * time.Second

func (r *rate) at(now time.Time, value int64) {
	r.times, r.values = append(r.times, now), append(r.values, value)
	for len(r.times) > 2 && now.Sub(r.times[0]) > rateWindow {
		r.times, r.values = r.times[1:], r.values[1:]
	}
}

func (r *rate) perSecond() float64 {
	last := len(r.times) - 1
	took := r.times[last].Sub(r.times[0]).Seconds()
	if took <= 0 {
		return 0
	}
	return float64(r.values[last]-r.values[0]) / took
}
