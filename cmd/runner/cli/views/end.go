package views

import (
	"fmt"
	"strings"

	"runner/cmd/runner/cli/names"
	"runner/cmd/runner/cli/style"
	"runner/executor/event"
	"runner/lang/diag"
	"runner/planner/plan"
)

// hostCounts are how the tasks of each host ended.
type hostCounts struct {
	order  []string
	counts map[string]*event.Counts // nil: nothing ended there yet
}

func newHostCounts(p *plan.Plan) hostCounts {
	h := hostCounts{counts: map[string]*event.Counts{}}
	if p != nil {
		for _, host := range p.Hosts {
			h.order = append(h.order, host.Name)
			h.counts[host.Name] = nil
		}
	}
	return h
}

func (h *hostCounts) add(e event.TaskEnd) {
	c, known := h.counts[e.Host]
	if !known {
		h.order = append(h.order, e.Host)
	}
	if c == nil {
		c = &event.Counts{}
		h.counts[e.Host] = c
	}
	c.Add(e.Status)
}

// eachHost is how many hosts the table shows one by one; of more, those that ended alike share a line.
const eachHost = 20

// table shows how the tasks ended, by host.
func (h *hostCounts) table(s style.Style, width int) string {
	columnsOf := func(c event.Counts) []int {
		return []int{c.OK, c.Changed, c.Failed, c.Skipped, c.Unreachable, c.Unknown, c.Cancelled}
	}
	titles := []string{"ok", "changed", "failed", "skipped", "unreachable", "unknown", "cancelled"}
	colors := []string{style.Green, style.Yellow, style.Red, style.Dim, style.Red, style.Red, style.Yellow}
	type line struct {
		name  string
		many  bool // the name is a list
		cells []int
	}
	var lines []line
	used := make([]bool, len(titles))
	for i := range 5 { // the last two are rare
		used[i] = true
	}
	alike := map[event.Counts][]string{}
	for _, host := range h.order {
		c := h.counts[host]
		if c == nil {
			continue
		}
		cells := columnsOf(*c)
		for i, n := range cells {
			used[i] = used[i] || n > 0
		}
		alike[*c] = append(alike[*c], host)
		if alike[*c][0] == host || len(h.counts) <= eachHost {
			lines = append(lines, line{name: host, cells: cells})
		}
	}
	if len(h.counts) > eachHost {
		for i := range lines {
			list := alike[*h.counts[lines[i].name]]
			if len(list) > 1 {
				lines[i].name, lines[i].many = fmt.Sprintf("%s: %s", diag.Count(len(list), "host"), names.Joined(names.Fold(list), 3)), true
			}
		}
	}
	if len(lines) == 0 {
		return ""
	}
	wide := len("host")
	cellsWide := 0
	for i, t := range titles {
		if used[i] {
			cellsWide += 2 + len(t)
		}
	}
	for i := range lines {
		lines[i].name = diag.HarmlessLine(lines[i].name)
		wide = max(wide, style.Columns(lines[i].name))
	}
	if width > 0 {
		wide = min(wide, max(10, width-cellsWide))
	}
	for i := range lines {
		if lines[i].many {
			lines[i].name = style.Fit(lines[i].name, wide)
		}
	}
	var b strings.Builder
	head := []string{style.Pad("host", wide)}
	for i, t := range titles {
		if used[i] {
			head = append(head, t)
		}
	}
	b.WriteString(s.Paint(style.Bold, strings.Join(head, "  ")) + "\n")
	for _, l := range lines {
		b.WriteString(style.Pad(l.name, wide))
		for i, n := range l.cells {
			if !used[i] {
				continue
			}
			cell := fmt.Sprintf("  %*d", len(titles[i]), n)
			if n > 0 {
				cell = s.Paint(colors[i], cell)
			}
			b.WriteString(cell)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (r *report) runEnd(e event.RunEnd) {
	r.live = nil
	for s := range r.partial {
		r.flushOutput(s.host, s.address)
	}
	switch {
	case r.o.Exec:
		r.execSummary(e)
		return
	case r.preview && e.Status == event.RunInterrupted && r.changes != nil:
		r.summary(style.Style{Color: r.o.ErrColor}.Paint(style.Yellow, "Interrupted: there is no plan."))
		return
	case (r.preview || r.plan == nil) && e.Status == event.RunStale:
		r.summary(style.Style{Color: r.o.ErrColor}.Paint(style.Red, "Refused: nothing was changed."))
		return
	case r.preview && r.checking && e.Status != event.RunOK:
		r.summary(style.Style{Color: r.o.ErrColor}.Paint(style.Red, "Nothing was changed."))
		return
	case r.preview, r.plan == nil: // the plan's own summary has said it
		if r.o.Apply && e.Status == event.RunOK { // and there was nothing to apply
			r.outputs(e.Outputs)
		}
		return
	}
	width := 0
	if r.screen.size != nil {
		width, _ = r.screen.size()
	}
	if table := r.hosts.table(r.Style, width); table != "" {
		r.print("\n%s", table)
	}
	r.outputs(e.Outputs)
	what, code := "Done", style.Green
	switch e.Status {
	case event.RunFailed:
		what, code = "Failed", style.Red
	case event.RunUnreachable:
		what, code = "Done, but not everywhere", style.Red
		if e.OK+e.Changed+e.Failed+e.Unknown == 0 {
			what = "Nothing was done"
		}
	case event.RunStale:
		what, code = "Refused", style.Red
	case event.RunInterrupted:
		what, code = "Interrupted", style.Yellow
	case event.RunOK:
	}
	r.print("\n%s: %s. %s.\n", r.Paint(code, what), changedOf(e), facts(e))
}

func (r *report) outputs(all map[string]any) {
	if len(all) == 0 {
		return
	}
	keys, widest := keysOf(all)
	r.print("\n%s\n", r.Paint(style.Bold, "Outputs:"))
	for _, k := range keys {
		r.print("  %s = %s\n", style.Pad(keyName(k), widest), Value(all[k], "  "))
	}
}

func changedOf(e event.RunEnd) string {
	total := e.OK + e.Changed + e.Failed + e.Skipped + e.Unreachable + e.Unknown + e.Cancelled
	text := fmt.Sprintf("%s on %s, %d changed", diag.Count(total, "task"), diag.Count(e.Hosts, "host"), e.Changed)
	if e.Failed > 0 {
		text += fmt.Sprintf(", %d failed", e.Failed)
	}
	return text
}

func facts(e event.RunEnd) string {
	return fmt.Sprintf("%s, %s, %s sent, %s received, %s (%d reused)",
		style.Seconds(e.Seconds), diag.Count(e.RoundTrips, "round trip"), style.Size(e.BytesSent), style.Size(e.BytesReceived), diag.Count(e.Connections, "connection"), e.Reused)
}

func (r *report) execSummary(e event.RunEnd) {
	var bad []string
	for _, host := range r.hosts.order {
		if c := r.hosts.counts[host]; c != nil && c.Failed+c.Unreachable+c.Unknown+c.Cancelled > 0 {
			bad = append(bad, host)
		}
	}
	if e.Hosts < 2 && !r.o.Verbose {
		return
	}
	text := fmt.Sprintf("%s, %d failed, %s", diag.Count(e.Hosts, "host"), len(bad), style.Seconds(e.Seconds))
	if len(bad) > 0 {
		text += ": " + names.Joined(names.Fold(bad), 10)
	}
	r.summary(style.Style{Color: r.o.ErrColor}.Paint(style.Dim, text))
}

// summary shows a line that is not what the command was asked for.
func (r *report) summary(text string) {
	r.screen.flush()
	fmt.Fprintln(r.o.Err, text) //nolint:errcheck // nowhere to tell
}
