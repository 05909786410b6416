package diag

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Printer renders diagnostics for people.
type Printer struct {
	Files map[string]*hcl.File // by the file name that ranges have; what is missing is shown without its lines
	Width int                  // columns to fit into; 0: no limit
	Color bool
}

// Print writes the diagnostics, with an empty line behind each. Whatever they contain, the text is harmless to a
// terminal.
func (p Printer) Print(w io.Writer, diags hcl.Diagnostics) error {
	for _, d := range diags {
		if _, err := io.WriteString(w, p.Text(d)+"\n"); err != nil {
			return fmt.Errorf("cannot write a diagnostic: %w", err)
		}
	}
	return nil
}

// Text renders one diagnostic: its summary and code, the lines of the file with the place underlined, the values that
// the expression saw, and the detail.
func (p Printer) Text(d *hcl.Diagnostic) string {
	e := ExtraOf(d)
	title, paint := "Error", p.paint(red)
	if d.Severity == hcl.DiagWarning {
		title, paint = "Warning", p.paint(yellow)
	}
	head := fmt.Sprintf("%s: %s", paint(title), p.paint(bold)(HarmlessLine(d.Summary)))
	var where string
	if place := place(e); place != "" {
		where = p.wrap("  " + HarmlessLine(place) + "\n")
	}
	if d.Subject != nil {
		where += p.snippet(d, e, paint)
	}
	var detail string
	if d.Detail != "" {
		detail = p.wrap(Harmless(d.Detail) + "\n")
	}
	parts := []string{fmt.Sprintf("%s [%s]\n", head, CodeOf(d)), where, p.seen(d, e), detail}
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	return strings.Join(parts, "\n")
}

func place(e Extra) string {
	switch {
	case e.Host != "" && e.Address != "":
		return fmt.Sprintf("on host %s, in %s", e.Host, e.Address)
	case e.Host != "":
		return "on host " + e.Host
	case e.Address != "":
		return "in " + e.Address
	}
	return ""
}

// snippet renders where the diagnostic is: the file, the block, and its lines with the place underlined.
func (p Printer) snippet(d *hcl.Diagnostic, e Extra, paint func(string) string) string {
	head := "  on " + HarmlessLine(d.Subject.Filename)
	if d.Subject.Start.Line > 0 {
		head += fmt.Sprintf(" line%s%d", together, d.Subject.Start.Line)
	}
	file := p.Files[d.Subject.Filename]
	if file != nil && e.Source == nil {
		head += blockAt(file, d.Subject.Start.Byte)
	}
	source := e.Source
	if source == nil && file != nil {
		source = file.Bytes
	}
	lines := excerpt(source, d)
	if e.HideSource || len(lines) == 0 || holdsSecret(lines) {
		return p.wrapHead(head + "\n")
	}
	var b strings.Builder
	b.WriteString(p.wrapHead(head + ":\n"))
	number := len(fmt.Sprint(lines[len(lines)-1].number))
	width := widestLine
	if p.Width > 0 {
		width = max(p.Width-number-len("  : "), 20)
	}
	for i, l := range lines {
		if i > 0 && l.number > lines[i-1].number+1 {
			fmt.Fprintf(&b, "  %*s\n", number, "…")
		}
		text, under := l.render(width)
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %*d: %s", number, l.number, text), " ") + "\n")
		if under != "" {
			fmt.Fprintf(&b, "  %*s  %s\n", number, "", indentUnderline(under, paint))
		}
	}
	return b.String()
}

// together stands for a blank at which no line is broken. It is none of the characters that harmless text has.
const together = "\x1f"

// wrapHead is wrap for the line that names the place.
func (p Printer) wrapHead(text string) string { return strings.ReplaceAll(p.wrap(text), together, " ") }

// widestLine is how much of a line of source is shown where nothing else limits it.
const widestLine = 400

// indentUnderline colours the marks and not the blanks before them.
func indentUnderline(under string, paint func(string) string) string {
	marks := strings.TrimLeft(under, " ")
	return under[:len(under)-len(marks)] + paint(marks)
}

// blockAt names the blocks around a place, outermost first.
func blockAt(file *hcl.File, offset int) string {
	body, ok := file.Body.(*hclsyntax.Body)
	var b strings.Builder
	for ok {
		ok = false
		for _, block := range body.Blocks {
			if !block.Range().ContainsOffset(offset) {
				continue
			}
			sep := ", "
			if b.Len() == 0 {
				sep = ", in "
			}
			b.WriteString(sep + block.Type)
			for _, label := range block.Labels {
				b.WriteString(together + strings.ReplaceAll(Quote(label), " ", together))
			}
			body, ok = block.Body, true
			break
		}
	}
	return b.String()
}

// wrap breaks lines at blanks so that they fit the width. Lines that begin with a blank keep it in front of what follows.
func (p Printer) wrap(text string) string {
	if p.Width <= 0 {
		return text
	}
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		out = append(out, wrapLine(line, max(p.Width, 20))...)
	}
	return strings.Join(out, "\n")
}

func wrapLine(line string, width int) []string {
	if Columns(line) <= width {
		return []string{line}
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var out []string
	current := indent
	for word := range strings.FieldsSeq(line) {
		sep := " "
		if current == indent {
			sep = ""
		}
		if current != indent && Columns(current)+1+Columns(word) > width {
			out = append(out, current)
			current, sep = indent, ""
		}
		current += sep + word
	}
	return append(out, current)
}

const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

func (p Printer) paint(color string) func(string) string {
	return func(s string) string {
		if !p.Color || s == "" {
			return s
		}
		return color + s + reset
	}
}
