package views

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"runner/cmd/runner/cli/names"
	"runner/cmd/runner/cli/style"
	"runner/executor/event"
	"runner/lang/diag"
	"runner/planner/plan"
)

// live is what the region shows: who is busy with what, and how far everything is.
type live struct {
	style.Style
	began  time.Time
	depth  map[string]int // length of a host's chain
	busy   map[string]*busyHost
	done   int
	total  int
	ends   map[string]int // task → how many ends each host has of it, as far as is known before
	ended  map[hostJob]*progress
	counts event.Counts
}

// waiting is what a host does that is connected and has nothing running: a target does one thing at a time, and another
// run, or another host's task, may be at it.
const waiting = "waiting"

// busyHost is one line.
type busyHost struct {
	name     string
	doing    []activity // the last one is shown
	transfer *transfer
}

// waits says whether a host has nothing running.
func (b *busyHost) waits() bool { return b.doing[len(b.doing)-1].what == waiting }

// activity is a task, or the opening of a connection.
type activity struct {
	what  string // address, or the hop's title
	hop   bool
	since time.Time
}

// transfer is a long one that is under way.
type transfer struct {
	began        time.Time
	before       int64 // bytes that were on their way when it was first heard of
	bytes, total int64
}

type hostJob struct{ host, job string }

// progress is how far a job is on a host.
type progress struct {
	left  int            // ends of tasks, or of their elements, that are still to come
	ended map[string]int // task → how many of those have come
}

func newLive(s style.Style, p *plan.Plan, now time.Time) *live {
	l := &live{Style: s, began: now, depth: map[string]int{}, busy: map[string]*busyHost{}, ends: map[string]int{}, ended: map[hostJob]*progress{}}
	if p == nil {
		return l
	}
	for _, h := range p.Hosts {
		l.depth[h.Name] = len(p.Chain(h.Connection))
	}
	for _, j := range p.Jobs {
		ends := 0
		for i := range j.Tasks {
			t := &j.Tasks[i]
			l.ends[t.Address] = max(1, t.Elements)
			ends += l.ends[t.Address]
		}
		for _, h := range j.Hosts {
			l.ended[hostJob{p.Hosts[h].Name, j.Name}] = &progress{left: ends, ended: map[string]int{}}
		}
		l.total += ends * len(j.Hosts)
	}
	return l
}

func (l *live) start(host, what string, hop bool, now time.Time) {
	b := l.busy[host]
	if b == nil {
		b = &busyHost{name: host}
		l.busy[host] = b
	}
	for i := range b.doing {
		if b.doing[i].what == what {
			return
		}
	}
	b.doing = append(b.doing, activity{what, hop, now})
}

func (l *live) stop(host, what string) {
	b := l.busy[host]
	if b == nil {
		return
	}
	b.transfer = nil
	b.doing = slices.DeleteFunc(b.doing, func(a activity) bool { return a.what == what })
	if len(b.doing) == 0 {
		delete(l.busy, host)
	}
}

func (l *live) see(e event.Event, now time.Time) {
	switch e := e.(type) {
	case event.Connection:
		title := cmp.Or(e.Title, e.Transport)
		if e.Status == event.Opening {
			l.start(e.Host, title, true, now)
			return
		}
		l.stop(e.Host, title)
		if e.Status == event.Ready && e.Hop == l.depth[e.Host]-1 {
			l.start(e.Host, waiting, false, now)
		}
	case event.TaskStart:
		l.stop(e.Host, waiting)
		l.start(e.Host, e.Address, false, now)
	case event.EarlyFailure: // its end comes later
		l.stop(e.Host, e.Address)
		l.start(e.Host, waiting, false, now)
	case event.Progress:
		// What is sent for several hosts together may be on its way before one of them has come to its task.
		if b := l.busy[e.Host]; b != nil && (e.Address == "" || b.doing[len(b.doing)-1].what == e.Address) {
			if b.transfer == nil {
				b.transfer = &transfer{began: now, before: e.Bytes}
			}
			b.transfer.bytes, b.transfer.total = e.Bytes, e.Total
		}
	case event.PlannedChange:
		l.finish(e.Host, e.Job, e.Address, now)
	case event.TaskEnd:
		l.counts.Add(e.Status)
		l.finish(e.Host, e.Job, e.Address, now)
	case event.HostEnd:
		if p := l.ended[hostJob{e.Host, e.Job}]; p != nil {
			l.done += p.left // of what has no element, or was another host's
			p.left = 0
		}
		l.stop(e.Host, waiting)
	}
}

// finish counts an end as done. One that was not expected, of a handler or an element that only the run has shown, is one more.
func (l *live) finish(host, job, address string, now time.Time) {
	connected := l.busy[host] != nil
	l.stop(host, address)
	p := l.ended[hostJob{host, job}]
	base := baseAddress(address)
	if p == nil || p.left == 0 || p.ended[base] == l.ends[base] {
		l.total++
	} else {
		p.left--
		p.ended[base]++
	}
	l.done++
	if connected && l.busy[host] == nil && p != nil && p.left > 0 {
		l.start(host, waiting, false, now)
	}
}

// mostBusy is how many lines the region has at most, beside the bar.
const mostBusy = 20

// lines returns the region for a terminal of that size, and the same painted.
func (l *live) lines(width, height int, now time.Time) (lines, painted []string) {
	hosts := make([]*busyHost, 0, len(l.busy))
	for _, b := range l.busy {
		hosts = append(hosts, b)
	}
	slices.SortFunc(hosts, func(a, b *busyHost) int {
		switch { // where there is not room for all, those at work are of more interest
		case a.waits() && !b.waits():
			return 1
		case b.waits() && !a.waits():
			return -1
		}
		return cmp.Or(a.doing[0].since.Compare(b.doing[0].since), names.Natural(a.name, b.name))
	})
	room := max(0, min(mostBusy, height/2-1)) // half of it at most: a narrower terminal may wrap it, and must not scroll it away
	more := 0
	if len(hosts) > room {
		room = max(0, room-1)
		more = len(hosts) - room
		hosts = hosts[:room]
	}
	widest := 0
	for _, b := range hosts {
		widest = max(widest, style.Columns(diag.HarmlessLine(b.name)))
	}
	widest = min(widest, width/3)
	add := func(line, code string) {
		line = style.Fit(line, width)
		lines = append(lines, line)
		painted = append(painted, l.Paint(code, line))
	}
	for _, b := range hosts {
		add(l.hostLine(b, widest, width, now), "")
	}
	if more > 0 {
		add("… "+diag.Count(more, "more host"), style.Dim)
	}
	add(l.bar(width, now), style.Bold)
	return lines, painted
}

func (l *live) hostLine(b *busyHost, widest, width int, now time.Time) string {
	last := b.doing[len(b.doing)-1]
	what := diag.HarmlessLine(last.what)
	if last.hop {
		what = "connecting: " + what
	}
	if t := b.transfer; t != nil {
		what += "  " + style.Size(t.bytes)
		if t.total > 0 {
			what += " of " + style.Size(t.total)
		}
		if s := now.Sub(t.began).Seconds(); s > 0 {
			what += ", " + style.Size(int64(float64(t.bytes-t.before)/s)) + "/s"
		}
	}
	if n := len(b.doing) - 1; n > 0 {
		what += fmt.Sprintf(" (+%d)", n)
	}
	head := "  " + style.Pad(diag.HarmlessLine(b.name), widest) + "  "
	if d := l.depth[b.name]; d > 0 {
		head += style.Pad(diag.Count(d, "hop"), len("0 hops")) + "  "
	}
	took := style.Duration(now.Sub(last.since))
	room := width - style.Columns(head) - style.Columns(took) - 2
	if room < 8 { // too narrow for columns
		return head + what
	}
	return head + style.Pad(what, room) + "  " + took
}

func (l *live) bar(width int, now time.Time) string {
	busy := 0
	for _, b := range l.busy {
		if !b.waits() {
			busy++
		}
	}
	parts := []string{fmt.Sprintf("%d/%d", l.done, l.total)}
	for _, part := range []struct {
		n    int
		word string
	}{
		{l.counts.Changed, "changed"}, {l.counts.Failed, "failed"}, {l.counts.Unreachable, "unreachable"}, {busy, "busy"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	text := strings.Join(append(parts, style.Duration(now.Sub(l.began))), "  ")
	room := min(40, width-style.Columns(text)-4)
	if room < 5 {
		return text
	}
	full := 0
	if l.total > 0 {
		full = room * l.done / l.total
	}
	return "[" + strings.Repeat("█", full) + strings.Repeat("░", room-full) + "] " + text
}
