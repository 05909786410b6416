package views

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/names"
	"runner/cmd/runner/cli/style"
	"runner/executor/event"
	"runner/lang/diag"
	"runner/planner/plan"
)

// changes collects what a plan would do. Changes that are the same on several hosts are kept once: memory grows with
// what is shown, not with the number of hosts.
type changes struct {
	style.Style
	diffs   arguments.Diff
	verbose bool

	tasks  map[string]int // order of tasks, by address
	hosts  map[string]int // order of hosts, by name
	kinds  map[string]plan.Task
	groups map[string]*sameChange
	same   map[identity]*sameChange // by what was found once for many hosts

	afterBlock bool   // nothing was shown yet, or a block was shown last
	ordered    bool   // the changes of a task come together, and tasks in their order
	latest     string // the task whose changes come
}

// identity tells one change from others of its task without looking at what is in it.
type identity struct {
	address string
	after   uintptr // of a map that a group keeps
	brief   bool
}

// sameChange is one change and the hosts that have it.
type sameChange struct {
	change event.PlannedChange // without a host
	hosts  []string
}

func newChanges(s style.Style, p *plan.Plan, diffs arguments.Diff, verbose bool) *changes {
	c := &changes{
		Style: s, diffs: diffs, verbose: verbose,
		tasks: map[string]int{}, hosts: map[string]int{}, kinds: map[string]plan.Task{}, groups: map[string]*sameChange{},
		same: map[identity]*sameChange{}, afterBlock: true,
	}
	if p == nil {
		return c
	}
	for _, job := range p.Jobs {
		for _, t := range slices.Concat(job.Tasks, job.Handlers) {
			c.tasks[t.Address] = len(c.tasks)
			c.kinds[t.Address] = t
		}
	}
	for i, h := range p.Hosts {
		c.hosts[h.Name] = i
	}
	return c
}

// flushed is the text of the task before, if changes come in order and another one begins with this change.
func (c *changes) flushed(e event.PlannedChange) string {
	base := baseAddress(e.Address)
	if !c.ordered || base == c.latest {
		return ""
	}
	c.latest = base
	text := c.text()
	clear(c.groups)
	clear(c.same)
	return text
}

func (c *changes) add(e event.PlannedChange) {
	host := e.Host
	e.Host = ""
	id := identity{address: e.Address, brief: e.Brief}
	if e.Brief {
		if g := c.same[id]; g != nil {
			g.hosts = append(g.hosts, host)
			return
		}
	}
	if after, ok := e.After.(map[string]any); ok && e.Before == nil && e.Diff == "" {
		id.after = reflect.ValueOf(after).Pointer()
		if g := c.same[id]; g != nil && g.change.Action == e.Action && slices.Equal(g.change.Unknown, e.Unknown) {
			g.hosts = append(g.hosts, host)
			return
		}
	}
	key, err := json.Marshal(struct {
		event.PlannedChange
		Brief bool
	}{e, e.Brief})
	if err != nil { // it is not plain: shown by itself
		key = []byte(host + " " + e.Address)
	}
	g := c.groups[string(key)]
	if g == nil {
		g = &sameChange{change: e}
		c.groups[string(key)] = g
		if id.after != 0 || id.brief {
			c.same[id] = g
		}
	}
	g.hosts = append(g.hosts, host)
}

// Of more than manyAlike changes of a task that differ in the values of attributes only, someShown are shown.
const (
	manyAlike = 12
	someShown = 3
)

// sorted are the changes that are shown, in the order in which they would happen.
func (c *changes) sorted() []*sameChange {
	shown := slices.DeleteFunc(c.all(), func(g *sameChange) bool {
		return !c.verbose && g.change.Outcome != event.Changed && (g.change.Action == event.Skip || g.change.Action == event.None)
	})
	return c.brief(shown)
}

// brief puts those of many changes together that differ in values only.
func (c *changes) brief(all []*sameChange) []*sameChange {
	if c.verbose {
		return all
	}
	alike, shapes := map[string][]*sameChange{}, make([]string, len(all))
	for i, g := range all {
		shapes[i] = shape(g.change)
		alike[shapes[i]] = append(alike[shapes[i]], g)
	}
	var out []*sameChange
	for i, g := range all {
		like := alike[shapes[i]]
		switch {
		case len(like) <= manyAlike || slices.Contains(like[:someShown], g):
			out = append(out, g)
		case g == like[someShown]:
			rest := &sameChange{change: g.change}
			rest.change.Brief = true
			for _, other := range like[someShown:] {
				rest.hosts = append(rest.hosts, other.hosts...)
			}
			slices.SortFunc(rest.hosts, func(a, b string) int { return cmp.Compare(c.hosts[a], c.hosts[b]) })
			out = append(out, rest)
		}
	}
	return out
}

// shape is what changes of one kind have in common.
func shape(e event.PlannedChange) string {
	before, _ := e.Before.(map[string]any)
	after, _ := e.After.(map[string]any)
	return fmt.Sprint(e.Address, e.Action, e.Outcome, e.Reason, e.Unknown, slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)), e.Diff != "", e.Brief)
}

// all are also those that change nothing.
func (c *changes) all() []*sameChange {
	groups := slices.Collect(maps.Values(c.groups))
	for _, g := range groups {
		slices.SortFunc(g.hosts, func(a, b string) int { return cmp.Compare(c.hosts[a], c.hosts[b]) })
	}
	slices.SortFunc(groups, func(a, b *sameChange) int {
		return cmp.Or(
			cmp.Compare(c.tasks[baseAddress(a.change.Address)], c.tasks[baseAddress(b.change.Address)]),
			names.Natural(a.change.Address, b.change.Address),
			cmp.Compare(c.hosts[a.hosts[0]], c.hosts[b.hosts[0]]),
		)
	})
	return groups
}

// text shows the changes.
func (c *changes) text() string {
	var b strings.Builder
	for _, g := range c.sorted() {
		block := g.change.Action != event.Skip && g.change.Action != event.None && g.change.Action != event.Read
		if block || c.afterBlock {
			b.WriteString("\n")
		}
		c.afterBlock = block
		if block {
			b.WriteString(c.block(g))
		} else {
			b.WriteString(c.line(g))
		}
	}
	return b.String()
}

// line shows what is no change.
func (c *changes) line(g *sameChange) string {
	words := map[event.Verb]string{event.Skip: "skipped", event.None: "unchanged", event.Read: "read"}
	what := words[g.change.Action]
	if g.change.Outcome == event.Changed {
		what += ", but its changed_when says changed"
	}
	if c.prints(g) {
		return c.said(g)
	}
	text := fmt.Sprintf("%s %s", diag.HarmlessLine(g.change.Address), c.Paint(style.Dim, "on "+names.List(g.hosts, 6)+": "+what))
	if len(g.change.Unknown) > 0 {
		what := strings.Join(g.change.Unknown, ", ")
		if what == "result" { // which is no name that a site could read
			what = "all that it gives"
		}
		if g.change.Reason != "" {
			what += ", because " + g.change.Reason
		}
		text += c.Paint(style.Dim, " (known after apply: "+diag.HarmlessLine(what)+")")
	}
	return "  " + c.Mark(g.change.Action) + " " + text + "\n"
}

// prints says whether something is a message.
func (c *changes) prints(g *sameChange) bool {
	return c.kinds[baseAddress(g.change.Address)].Action == printAction && g.change.Action == event.Read
}

// message is what a print says, as far as it is known.
func (c *changes) message(g *sameChange) string {
	after, ok := g.change.After.(map[string]any)
	switch text, isText := after["message"].(string); {
	case !ok:
		return event.Hidden
	case !isText || slices.Contains(g.change.Unknown, "message"):
		return c.Paint(style.Dim, "(known after apply)")
	default:
		return strings.TrimSuffix(diag.Harmless(text), "\n")
	}
}

// said shows what a print says, several lines below its address.
func (c *changes) said(g *sameChange) string {
	text := " " + c.message(g)
	if strings.Contains(text, "\n") {
		text = "\n" + strings.TrimSuffix(indented(text[1:], "      | "), "\n")
	}
	if slices.Contains(g.change.Unknown, "when") {
		text += c.Paint(style.Dim, " (known after apply: when)")
	}
	return fmt.Sprintf("  %s %s %s%s\n", c.Mark(event.Read), diag.HarmlessLine(g.change.Address), c.Paint(style.Dim, "on "+names.List(g.hosts, 6)+":"), text)
}

// asUnchanged is said of a change whose task says that it is none.
const asUnchanged = "its changed_when says unchanged"

func (c *changes) block(g *sameChange) string { return c.head(g) + c.body(g) }

// shortDiff is how many lines of a diff are shown where it is not wanted whole.
const shortDiff = 40

// body shows what a change consists of; "" for what is none.
func (c *changes) body(g *sameChange) string {
	switch g.change.Action {
	case event.Skip, event.None, event.Read:
		if c.prints(g) {
			return indented(c.message(g), "        ")
		}
		return ""
	default:
	}
	title := diag.HarmlessLine(g.change.Address)
	if t, ok := c.kinds[baseAddress(g.change.Address)]; ok {
		title = fmt.Sprintf("%s %q", t.Action, t.Name)
	}
	body := c.attributes(g.change)
	if g.change.Brief {
		return fmt.Sprintf("  %s %s {\n        %s\n    }\n", c.Mark(g.change.Action), title, c.Paint(style.Dim, "# (as above, with values of its own on each; -v shows them)"))
	}
	if slices.Contains(g.change.Unknown, "action") {
		when := "connecting"
		if g.change.Reason != "" {
			when = "apply: " + diag.HarmlessLine(g.change.Reason)
		}
		body = "        " + c.Paint(style.Dim, "# (whether there is anything to do is known after "+when+")") + "\n" + body
	} else if g.change.Reason != "" {
		when := diag.HarmlessLine(g.change.Reason)
		if len(g.change.Unknown) > 0 {
			when = "known after apply: " + when
		}
		body = "        " + c.Paint(style.Dim, "# ("+when+")") + "\n" + body
	}
	if g.change.Before == event.Hidden || g.change.After == event.Hidden {
		body = "        " + event.Hidden + "\n"
	} else if d := g.change.Diff; d == event.Hidden && c.diffs != arguments.DiffNone {
		body += "        " + event.Hidden + "\n"
	} else if d != "" && c.diffs != arguments.DiffNone {
		most := 0
		if c.diffs == arguments.DiffShort {
			most = shortDiff
		}
		body += c.Diff(d, "        ", most)
	}
	switch {
	case g.change.Unreported():
		body = "        " + c.Paint(style.Dim, "# ("+asUnchanged+")") + "\n" + body
	case g.change.Outcome == event.Failed:
		body = "        " + c.Paint(style.Dim, "# (its failed_when would fail it)") + "\n" + body
	}
	if body == "" {
		return fmt.Sprintf("  %s %s\n", c.Mark(g.change.Action), title)
	}
	return fmt.Sprintf("  %s %s {\n%s    }\n", c.Mark(g.change.Action), title, body)
}

// head names a change and the hosts that have it, many of them over several lines.
func (c *changes) head(g *sameChange) string {
	const inline, most, wide = 6, 60, 100
	address := diag.HarmlessLine(g.change.Address)
	shown := names.Fold(g.hosts)
	if len(shown) <= inline {
		return "  " + c.Paint(style.Bold, fmt.Sprintf("# %s on %s", address, names.List(g.hosts, inline))) + "\n"
	}
	all := len(shown)
	if all > most && !c.verbose {
		shown = shown[:most]
	}
	var b strings.Builder
	b.WriteString("  " + c.Paint(style.Bold, fmt.Sprintf("# %s on %d hosts", address, len(g.hosts))) + "\n")
	line := ""
	for i, host := range shown {
		word := diag.HarmlessLine(host)
		switch {
		case i < len(shown)-1:
			word += ","
		case len(shown) < all:
			word += fmt.Sprintf(" and %d more", all-len(shown))
		}
		if line != "" && style.Columns(line)+1+style.Columns(word) > wide {
			b.WriteString("  # " + line + "\n")
			line = ""
		}
		line += " " + word
	}
	b.WriteString("  # " + line + "\n")
	return b.String()
}

// attributes shows what a change does to each attribute, and of those that it leaves alone the ones that say what it
// is about.
func (c *changes) attributes(e event.PlannedChange) string {
	before, _ := e.Before.(map[string]any)
	after, _ := e.After.(map[string]any)
	all := map[string]bool{}
	for k := range before {
		all[k] = true
	}
	for k := range after {
		all[k] = true
	}
	unknown := map[string]bool{}
	plain := e.Action == event.Run // nothing of it is there before
	for _, path := range e.Unknown {
		if path == "action" { // nobody has looked yet
			plain = true
			continue
		}
		unknown[path] = true
		all[path] = true
	}
	keys := slices.Sorted(maps.Keys(all))
	widest := 0
	for _, k := range keys {
		widest = max(widest, style.Columns(keyName(k)))
	}
	var b strings.Builder
	hidden := 0
	for _, k := range keys {
		old, had := before[k]
		value, has := after[k]
		shown := Value(value, "        ")
		if unknown[k] {
			shown, has = "(known after apply)", true
		}
		line := ""
		switch {
		case plain:
			line = "    " + style.Pad(keyName(k), widest) + " = " + shown
			if !has {
				line = "    " + style.Pad(keyName(k), widest) + " = " + Value(old, "        ")
			}
		case !had:
			line = "  " + c.Mark(event.Create) + " " + style.Pad(keyName(k), widest) + " = " + shown
		case !has:
			line = "  " + c.Mark(event.Remove) + " " + style.Pad(keyName(k), widest) + " = " + Value(old, "        ")
		case value == event.Hidden && old == event.Hidden:
			line = "  " + c.Mark(event.Update) + " " + style.Pad(keyName(k), widest) + " = " + event.Hidden
		case unknown[k] || !same(old, value):
			line = "  " + c.Mark(event.Update) + " " + style.Pad(keyName(k), widest) + " = " + Value(old, "        ") + " -> " + shown
		case k == "path" || k == "name" || k == "argv" || k == "target":
			line = "    " + style.Pad(keyName(k), widest) + " = " + shown
		default:
			hidden++
			continue
		}
		b.WriteString("    " + line + "\n")
	}
	if hidden > 0 {
		b.WriteString("        " + c.Paint(style.Dim, fmt.Sprintf("# (%s unchanged)", diag.Count(hidden, "attribute"))) + "\n")
	}
	return b.String()
}

// same compares plain values.
func same(a, b any) bool {
	return flatValue(a) == flatValue(b)
}

// baseAddress is a task's address without the key of its for_each.
func baseAddress(address string) string {
	base, _, _ := strings.Cut(address, "[")
	return base
}

// PlanSentence is the last line of a plan. Its form never changes, so that scripts can read it.
func PlanSentence(s event.PlanSummary) string {
	return fmt.Sprintf("Plan: %d to create, %d to update, %d to remove, %d to run on %d hosts. %d connections (%d reused), %d pipelines.",
		s.Create, s.Update, s.Remove, s.Run, s.Hosts, s.Connections, s.Reused, s.Pipelines)
}
