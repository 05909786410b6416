package views

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/cmd/runner/cli/jsonlines"
	"runner/cmd/runner/cli/names"
	"runner/executor/event"
	"runner/lang/diag"
)

// reason is why something failed, on one line. What to do is said elsewhere.
func reason(text string, f *event.Failure) string {
	if f != nil && f.Message != "" {
		text = f.Message
		if f.Hop != "" {
			text = f.Hop + ": " + text
		}
	}
	return diag.HarmlessLine(text)
}

// headline is why a task has failed in a line, and what its message says below that. What is wrong with an expression is only named:
// it is shown with its place.
func headline(e event.TaskEnd) (why, below string) {
	if evaluation := jsonlines.EvaluationOf(e.Failure); len(evaluation) > 0 && evaluation[0].Summary != "" {
		return diag.HarmlessLine(evaluation[0].Summary), ""
	}
	if f := e.Failure; f != nil {
		if first, rest, ok := strings.Cut(strings.TrimSpace(f.Message), "\n"); ok {
			line := *f
			line.Message = first
			return reason(e.Error, &line), rest
		}
	}
	return reason(e.Error, e.Failure), ""
}

// failure shows the lines of the site that an error comes from, what the other program said, and what to do.
func (r *report) failure(f *event.Failure) {
	if f == nil {
		return
	}
	// Once is enough for all hosts that share what failed.
	key := fmt.Sprint(f.Text(), f.Quote, f.Place)
	if r.said[key] {
		return
	}
	const mostKept = 10000
	if len(r.said) < mostKept {
		r.said[key] = true
	}
	p := diag.Printer{Files: r.o.Files, Color: r.o.Color}
	evaluation := jsonlines.EvaluationOf(f)
	switch {
	case len(evaluation) > 0:
		for _, d := range evaluation {
			r.print("%s", indented(strings.TrimRight(p.Text(d), "\n"), "    "))
		}
	case f.Place.File != "":
		text := p.Text(&hcl.Diagnostic{Severity: hcl.DiagError, Subject: subject(f.Place.File, event.RangeOf(f.Place))})
		if _, snippet, ok := strings.Cut(text, "\n\n"); ok {
			r.print("%s", indented(strings.TrimRight(snippet, "\n"), "  "))
		}
		if f.Place.Used != "" {
			r.print("    %s\n", diag.HarmlessLine(f.Place.Used))
		}
	}
	if f.Quote != "" {
		r.print("%s", indented(strings.TrimRight(diag.Harmless(f.Quote), "\n"), "    | "))
	}
	if f.Hint != "" {
		r.print("    %s\n", diag.HarmlessLine(f.Hint))
	}
}

// diagnostic shows an error of a preview: what would fail, and where in the site it comes from.
func (r *report) diagnostic(e event.Diagnostic) {
	if e.Severity != "warning" && r.preview {
		r.failing = true
		if diag.Code(e.Code) == diag.Unreachable {
			r.unseen = append(r.unseen, unseen{e.Host, e})
			return
		}
	}
	r.show(e)
}

// unseen is a host that a preview could not look at.
type unseen struct {
	host string
	why  event.Diagnostic
}

// sayUnseen shows why hosts could not be looked at, each reason once.
func (r *report) sayUnseen() {
	hosts := map[string][]string{}
	var order []event.Diagnostic
	for _, u := range r.unseen {
		key := fmt.Sprint(u.why.Detail, u.why.File, u.why.Range)
		if hosts[key] == nil {
			order = append(order, u.why)
		}
		hosts[key] = append(hosts[key], u.host)
	}
	for _, e := range order {
		const most = 20
		e.Host, e.Address = names.List(hosts[fmt.Sprint(e.Detail, e.File, e.Range)], most), ""
		r.show(e)
	}
	r.unseen = nil
}

func (r *report) show(e event.Diagnostic) {
	r.screen.flush()
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: e.Summary, Detail: e.Detail, Subject: subject(e.File, e.Range)}
	if e.Severity == "warning" {
		d.Severity = hcl.DiagWarning
	}
	if evaluation := jsonlines.EvaluationOf(e.Failure); len(evaluation) > 0 {
		r.write(diag.At(evaluation, e.Host, e.Address))
		return
	}
	if e.Failure != nil && e.Failure.Quote != "" {
		d.Detail += "\n" + strings.TrimRight(indented(e.Failure.Quote, "  | "), "\n")
	}
	r.write(hcl.Diagnostics{diag.With(d, func(x *diag.Extra) {
		x.Code, x.Host, x.Address = diag.Code(e.Code), e.Host, e.Address
	})})
}

func (r *report) write(diags hcl.Diagnostics) {
	if err := r.o.ErrPrinter().Print(r.o.Err, diags); err != nil && r.screen.err == nil {
		r.screen.err = err
	}
}

// subject is a part of a file as what a diagnostic is about; nil without one.
func subject(file string, r *event.Range) *hcl.Range {
	if r == nil {
		return nil
	}
	return &hcl.Range{Filename: file, Start: hcl.Pos(r.Start), End: hcl.Pos(r.End)}
}

func indented(text, indent string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(strings.TrimRight(indent+line, " ") + "\n")
	}
	return b.String()
}
