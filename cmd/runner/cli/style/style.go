// Package style writes text for people who sit at a terminal: painted where it shows colours, as wide as there is room, and
// numbers with their units. What is written is for its neighbours, views among them.
package style

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"runner/executor/event"
	"runner/lang/diag"
)

// Style paints text for terminals that show colours.
type Style struct{ Color bool }

// The codes that Paint takes.
const (
	Bold   = "1"
	Dim    = "2"
	Red    = "31"
	Green  = "32"
	Yellow = "33"
	Cyan   = "36"
)

// Paint paints text with a code; "" leaves it as it is.
func (s Style) Paint(code, text string) string {
	if !s.Color || text == "" || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// symbol is how a plan marks a verb.
func symbol(v event.Verb) (mark, code string) {
	switch v {
	case event.Create:
		return "+", Green
	case event.Update:
		return "~", Yellow
	case event.Remove:
		return "-", Red
	case event.Run:
		return ">", Cyan
	case event.Read:
		return "<", Cyan
	case event.None:
		return "=", Dim
	case event.Skip:
		return "·", Dim
	}
	return "~", Yellow
}

// Mark paints a verb's symbol.
func (s Style) Mark(v event.Verb) string {
	m, code := symbol(v)
	return s.Paint(code, m)
}

// Diff paints a unified diff and puts indent in front of its lines. With most > 0 it shows no more lines than that.
func (s Style) Diff(text, indent string, most int) string {
	lines := strings.Split(strings.TrimSuffix(diag.Harmless(text), "\n"), "\n")
	rest := 0
	if most > 0 && len(lines) > most {
		rest = len(lines) - most
		var cut int // by the agent, which says so in the last line
		if _, err := fmt.Sscanf(lines[len(lines)-1], `\ %d more lines`, &cut); err == nil {
			rest += cut - 1
		}
		lines = lines[:most]
	}
	var b strings.Builder
	for _, line := range lines {
		code := ""
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
			code = Bold
		case strings.HasPrefix(line, "+"):
			code = Green
		case strings.HasPrefix(line, "-"):
			code = Red
		case strings.HasPrefix(line, "@@"):
			code = Cyan
		}
		b.WriteString(indent + s.Paint(code, line) + "\n")
	}
	if rest > 0 {
		b.WriteString(indent + s.Paint(Dim, fmt.Sprintf("… %s (--diff=full shows all)", diag.Count(rest, "more line"))) + "\n")
	}
	return b.String()
}

// Columns is how many columns of a terminal a line takes.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// runeColumns counts what controls the terminal as nothing; what else a rune takes is diag's to know.
func runeColumns(r rune) int {
	if r < 0x20 {
		return 0
	}
	return diag.Columns(string(r))
}

// Fit cuts a line that is wider than most.
func Fit(s string, most int) string {
	if Columns(s) <= most {
		return s
	}
	if most <= 0 {
		return ""
	}
	used := 1
	for i, r := range s {
		if used += runeColumns(r); used > most {
			return s[:i] + "…"
		}
	}
	return s
}

// Pad makes a name exactly so wide. One that is too wide loses its middle: names that are alike differ at their ends.
func Pad(s string, wide int) string {
	if Columns(s) > wide {
		head := Fit(s, (wide+1)/2)
		end := len(s)
		for room := wide - Columns(head); end > 0; {
			r, size := utf8.DecodeLastRuneInString(s[:end])
			if room -= runeColumns(r); room < 0 {
				break
			}
			end -= size
		}
		s = head + s[end:]
	}
	return s + strings.Repeat(" ", wide-Columns(s))
}

// Duration is a time span for people.
func Duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<1ms"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// Seconds is Duration for a number of them.
func Seconds(s float64) string { return Duration(time.Duration(s * float64(time.Second))) }

// Size is a number of bytes for people.
func Size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	f, units := float64(n)/unit, "KMGTPE"
	i := 0
	for f >= unit && i < len(units)-1 {
		f /= unit
		i++
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}
