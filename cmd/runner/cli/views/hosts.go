package views

import (
	"maps"
	"slices"
	"strings"

	"runner/cmd/runner/cli/jsonlines"
	"runner/cmd/runner/cli/style"
	"runner/lang/diag"
	"runner/planner"
)

// Hosts is a table of hosts. A column that would be empty is left out.
func Hosts(ways []planner.Way, color bool) string {
	rows := [][]string{{"NAME", "ADDRESS", "CHAIN", "LABELS", "GROUPS"}}
	for _, w := range ways {
		titles := make([]string, len(w.Hops))
		for i, hop := range w.Hops {
			titles[i] = hop.Title
		}
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(w.Host.Labels)) {
			labels = append(labels, name+"="+w.Host.Labels[name])
		}
		row := []string{w.Host.Name, w.Host.Address, strings.Join(titles, " → "), strings.Join(labels, " "), strings.Join(w.Host.GroupNames(), " ")}
		for i, cell := range row {
			row[i] = diag.HarmlessLine(cell)
		}
		rows = append(rows, row)
	}
	return table(rows, style.Style{Color: color})
}

// table puts rows into columns. The first row is the head.
func table(rows [][]string, s style.Style) string {
	const most = 60 // what is wider than that moves its neighbours instead of those of all rows
	widths := make([]int, len(rows[0]))
	for _, row := range rows[1:] {
		for i, cell := range row {
			widths[i] = max(widths[i], min(style.Columns(cell), most))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		line := ""
		for i, cell := range row {
			if i > 0 && widths[i] == 0 {
				continue
			}
			width := max(widths[i], style.Columns(rows[0][i]))
			line += cell + strings.Repeat(" ", max(width-style.Columns(cell), 0)+2)
		}
		line = strings.TrimRight(line, " ")
		if n == 0 {
			line = s.Paint(style.Bold, line)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// hostJSON is one host of `runner hosts --json`.
type hostJSON struct {
	Name    string            `json:"name"`
	Address *string           `json:"address"` // null: the host has none of its own
	Hops    []map[string]any  `json:"hops"`
	Labels  map[string]string `json:"labels"`
	Groups  []string          `json:"groups"`
	Vars    any               `json:"vars"`
	Source  *sourceJSON       `json:"source"` // null: nothing declares it
}

type sourceJSON struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// HostsJSON is one object with all hosts.
func HostsJSON(ways []planner.Way) (string, error) {
	hosts := make([]hostJSON, len(ways))
	for i, w := range ways {
		h := hostJSON{Name: w.Host.Name, Hops: []map[string]any{}, Labels: w.Host.Labels, Groups: w.Host.GroupNames(), Vars: w.Host.Vars}
		if w.Host.Address != "" {
			h.Address = &w.Host.Address
		}
		if r := w.Host.Range; r.Filename != "" {
			h.Source = &sourceJSON{File: r.Filename, Line: r.Start.Line}
		}
		for _, hop := range w.Hops {
			h.Hops = append(h.Hops, hopJSON(hop))
		}
		hosts[i] = h
	}
	return jsonlines.Object(map[string]any{"hosts": hosts})
}

// hopJSON is a hop with its arguments beside what every hop has.
func hopJSON(hop planner.Hop) map[string]any {
	out := map[string]any{"address": nil, "port": nil, "user": nil}
	maps.Copy(out, hop.Options)
	out["transport"] = hop.Transport
	if hop.User != "" {
		out["user"] = hop.User
	}
	return out
}
