package views

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"runner/executor/event"
	"runner/lang/diag"
)

// style paints text for terminals that show colours.
type style struct{ color bool }

// The codes that paint takes.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s style) paint(code, text string) string {
	if !s.color || text == "" || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// symbol is how a plan marks a verb.
func symbol(v event.Verb) (mark, code string) {
	switch v {
	case event.Create:
		return "+", green
	case event.Update:
		return "~", yellow
	case event.Remove:
		return "-", red
	case event.Run:
		return ">", cyan
	case event.Read:
		return "<", cyan
	case event.None:
		return "=", dim
	case event.Skip:
		return "·", dim
	}
	return "~", yellow
}

// mark paints a verb's symbol.
func (s style) mark(v event.Verb) string {
	m, code := symbol(v)
	return s.paint(code, m)
}

// diff paints a unified diff and puts indent in front of its lines. With most > 0 it shows no more lines than that.
func (s style) diff(text, indent string, most int) string {
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
			code = bold
		case strings.HasPrefix(line, "+"):
			code = green
		case strings.HasPrefix(line, "-"):
			code = red
		case strings.HasPrefix(line, "@@"):
			code = cyan
		}
		b.WriteString(indent + s.paint(code, line) + "\n")
	}
	if rest > 0 {
		b.WriteString(indent + s.paint(dim, fmt.Sprintf("… %s (--diff=full shows all)", diag.Count(rest, "more line"))) + "\n")
	}
	return b.String()
}

// columns is how many columns of a terminal a line takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case r < 0x20:
		return 0
	case r < 0x7f:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// fit cuts a line that is wider than most.
func fit(s string, most int) string {
	if columns(s) <= most {
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

// pad makes a name exactly so wide. One that is too wide loses its middle: names that are alike differ at their ends.
func pad(s string, wide int) string {
	if columns(s) > wide {
		head := fit(s, (wide+1)/2)
		end := len(s)
		for room := wide - columns(head); end > 0; {
			r, size := utf8.DecodeLastRuneInString(s[:end])
			if room -= runeColumns(r); room < 0 {
				break
			}
			end -= size
		}
		s = head + s[end:]
	}
	return s + strings.Repeat(" ", wide-columns(s))
}

// duration is a time span for people.
func duration(d time.Duration) string {
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

func seconds(s float64) string { return duration(time.Duration(s * float64(time.Second))) }

// size is a number of bytes for people.
func size(n int64) string {
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

// baseAddress is a task's address without the key of its for_each.
func baseAddress(address string) string {
	base, _, _ := strings.Cut(address, "[")
	return base
}

// Diff prints a unified diff, painted where colours are wanted, and harmless to a terminal.
func Diff(text string, color bool) string { return style{color}.diff(text, "", 0) }
