package views

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestMeter shows a copy that goes on at 10 MiB a second, and its end.
func TestMeter(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	m := &Meter{out: &out, began: now, total: -1}
	p := m.Progress()
	p.Begun("srv/\x1b[31mbig")
	p.Moved(0)
	m.draw(now, false)
	for range 8 {
		now = now.Add(time.Second)
		p.Moved(10 << 20)
		m.draw(now, false)
	}
	if got := last(&out); got != "80.0 MiB  10.0 MiB/s" {
		t.Errorf("without a total: %q", got)
	}
	p.Total(1, 200<<20)
	m.draw(now, false)
	if got := last(&out); got != ` 40%  80.0 MiB of 200.0 MiB  10.0 MiB/s  12.0s left  \x1b[31mbig` {
		t.Errorf("with a total: %q", got)
	}
	m.screen = func() (int, int) { return 20, 5 }
	m.draw(now, false)
	if got := last(&out); len(got) != 19 {
		t.Errorf("in a narrow window: %q", got)
	}
	m.screen = nil
	p.Moved(120 << 20)
	m.draw(now.Add(2*time.Second), true)
	if got := last(&out); got != "200.0 MiB  20.0 MiB/s  10.0s" || !strings.HasSuffix(out.String(), "\n") {
		t.Errorf("at the end: %q", got)
	}
}

// last is the line that was drawn last.
func last(out *bytes.Buffer) string {
	drawn := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\r")
	return strings.TrimSuffix(drawn[len(drawn)-1], "\x1b[K")
}
