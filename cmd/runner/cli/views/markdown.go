package views

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/cmd/runner/cli/jsonlines"
	"runner/cmd/runner/cli/names"
	"runner/cmd/runner/cli/style"
	"runner/executor/event"
	"runner/lang/diag"
)

// markdown shows a plan as a comment for a pull request: a table of what changes, and each change in full behind a line
// that opens it. Nothing that comes from a host or a site can end what it stands in.
type markdown struct {
	o Options

	mu      sync.Mutex // guards what follows
	changes *changes
	errors  []event.Diagnostic
	summary *event.PlanSummary
	closed  bool
	err     error
}

func newMarkdown(o Options) *markdown { return &markdown{o: o} }

// Emit takes an event.
func (m *markdown) Emit(e event.Event, _ time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e := e.(type) {
	case event.Outline:
		m.changes = newChanges(style.Style{}, e.Plan, m.o.Diff, m.o.Verbose)
	case event.PlannedChange:
		if m.changes != nil {
			m.changes.add(e)
		}
	case event.Diagnostic:
		m.errors = append(m.errors, e)
	case event.PlanSummary:
		m.summary = &e
	}
}

// Diagnose takes errors and warnings. They also go where they would go without a comment.
func (m *markdown) Diagnose(diags hcl.Diagnostics, at time.Time) {
	for _, d := range diags {
		m.Emit(jsonlines.Diagnostic(d), at)
	}
	if err := m.o.ErrPrinter().Print(m.o.Err, diags); err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.err = fmt.Errorf("cannot write what happened: %w", err)
	}
}

// Close writes the comment, if there is something to say.
func (m *markdown) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.summary == nil && len(m.errors) == 0 {
		return m.err
	}
	m.closed = true
	if _, err := io.WriteString(m.o.Out, m.text()); err != nil {
		m.err = fmt.Errorf("cannot write the plan: %w", err)
	}
	return m.err
}

func (m *markdown) text() string {
	var b strings.Builder
	switch {
	case m.summary == nil:
		b.WriteString("### There is no plan\n")
	case len(m.errors) > 0:
		b.WriteString("### This plan is not complete\n\n" + PlanSentence(*m.summary) + "\n")
	case m.summary.Create+m.summary.Update+m.summary.Remove+m.summary.Run == 0:
		b.WriteString("### Nothing to change\n\n" + PlanSentence(*m.summary) + "\n")
	default:
		b.WriteString("### " + strings.TrimPrefix(PlanSentence(*m.summary), "Plan: ") + "\n")
	}
	if len(m.o.Limits) > 0 {
		b.WriteString("\nThis plan is limited by " + codeSpan(strings.Join(m.o.Limits, " ")) + ".\n")
	}
	for _, e := range m.errors {
		fmt.Fprintf(&b, "\n- :x: **%s**", prose(e.Summary))
		for _, part := range []string{e.Host, e.Address, e.File} {
			if part != "" {
				b.WriteString(" " + codeSpan(part))
			}
		}
		fmt.Fprintf(&b, "\n\n%s\n", fenced("", e.Detail))
	}
	if m.changes == nil {
		return b.String()
	}
	groups := m.changes.sorted()
	if len(groups) > 0 {
		b.WriteString("\n| | task | hosts |\n|---|---|---|\n")
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", codeSpan(m.changes.Mark(g.change.Action)), cell(codeSpan(g.change.Address)), cell(m.hosts(g)))
	}
	for i, g := range groups {
		if b.Len() > longestComment {
			fmt.Fprintf(&b, "\n%s more, which are too long for a comment. `runner show` has them.\n", diag.Count(len(groups)-i, "change"))
			break
		}
		if body := m.changes.body(g); body != "" {
			fmt.Fprintf(&b, "\n<details><summary>%s on %s</summary>\n\n%s\n</details>\n", prose(g.change.Address), prose(names.List(g.hosts, 3)), fenced("diff", outdent(body)))
		}
	}
	return b.String()
}

// longestComment is how many bytes a comment has before it leaves the rest out: 65,536 are what forges take.
const longestComment = 48 << 10

func (m *markdown) hosts(g *sameChange) string { return codeSpan(names.List(g.hosts, 6)) }

// outdent takes the blanks away that all lines begin with, so that the marks of changes stand first.
func outdent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	least := -1
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, " ")); l != "" && (least < 0 || n < least) {
			least = n
		}
	}
	for i, l := range lines {
		lines[i] = l[min(max(least, 0), len(l)):]
	}
	return strings.Join(lines, "\n")
}

// fenced is text that is shown as it is.
func fenced(kind, text string) string {
	fence := strings.Repeat("`", max(longest(text, '`')+1, 3))
	return fence + kind + "\n" + strings.TrimRight(diag.Harmless(text), "\n") + "\n" + fence + "\n"
}

// codeSpan is a word that is shown as it is.
func codeSpan(text string) string {
	ticks := strings.Repeat("`", longest(text, '`')+1)
	pad := ""
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		pad = " "
	}
	return ticks + pad + diag.HarmlessLine(text) + pad + ticks
}

// cell is text that a table's cell holds.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// prose is text that has no meaning beyond its words.
func prose(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "[", "&#91;", "]", "&#93;", "\\", "&#92;").
		Replace(diag.HarmlessLine(text))
}

// longest is how many of a character stand together at most.
func longest(text string, c rune) int {
	most, now := 0, 0
	for _, r := range text {
		now++
		if r != c {
			now = 0
		}
		most = max(most, now)
	}
	return most
}
