// Package diff compares two texts line by line and writes the difference as a unified diff. It is part of the agent,
// because old and new content meet only there. Its neighbour is agent/action, whose file action uses it. It does not
// read files and does not merge. A library was measured: it made the agent 130 KB larger as embedded, this does 6 KB.
package diff

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a diff that is shown, and of one that is wanted whole.
const (
	MaxLines = 200
	MaxBytes = 32 << 10
	MaxWhole = 1 << 20 // bytes
	around   = 3       // lines of context
)

// Unified returns the difference between two texts, or "" if they are equal. oldName or newName is /dev/null where there
// is no such file. A long diff is cut short unless it is wanted whole, which its last line says; content that is no text is only named. Lines that
// belong to neither text begin with a backslash, as in "\ No newline at end of file".
func Unified(oldName, newName string, before, after []byte, whole bool) string {
	if bytes.Equal(before, after) && oldName == newName {
		return ""
	}
	if !text(before) || !text(after) {
		return fmt.Sprintf("--- %s\n+++ %s\n\\ This is no text: %s before, %s after\n", oldName, newName, amount(before), amount(after))
	}
	a, b := lines(before), lines(after)
	out := &writer{lineLimit: MaxLines, limit: MaxBytes}
	if whole {
		out.lineLimit, out.limit = MaxWhole, MaxWhole
	}
	out.add("--- " + oldName + "\n")
	out.add("+++ " + newName + "\n")
	for _, h := range hunks(edits(a, b), len(a)) {
		out.hunk(h, a, b)
	}
	return out.finish()
}

// text tells whether content can be shown line by line.
func text(data []byte) bool { return utf8.Valid(data) && !bytes.ContainsRune(data, 0) }

func amount(data []byte) string {
	if len(data) == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", len(data))
}

// lines splits a text behind its line breaks.
func lines(data []byte) []string {
	var out []string
	for l := range strings.Lines(string(data)) {
		out = append(out, l)
	}
	return out
}

// hunk is a run of edits with the unchanged lines around it.
type hunk struct {
	edits        []edit
	start, end   int // lines of the old text
	first, count int // lines of the new text
}

func hunks(list []edit, length int) []hunk {
	var out []hunk
	for _, e := range list {
		last := len(out) - 1
		if last < 0 || e.from-around > out[last].end {
			start := max(0, e.from-around)
			out = append(out, hunk{start: start, first: e.at - (e.from - start)})
			last++
		}
		h := &out[last]
		h.edits = append(h.edits, e)
		h.end = min(length, e.to+around)
		h.count = e.at + (e.end - e.at) + (h.end - e.to) - h.first
	}
	return out
}

// writer collects a diff up to its limits.
type writer struct {
	lineLimit, limit int // lines and bytes
	strings.Builder
	lines  int
	hidden int
}

func (w *writer) add(line string) {
	if w.hidden > 0 || w.lines >= w.lineLimit || w.Len()+len(line) > w.limit {
		w.hidden++
		return
	}
	w.lines++
	w.WriteString(line)
	if !strings.HasSuffix(line, "\n") {
		w.WriteString("\n\\ No newline at end of file\n")
	}
}

func (w *writer) hunk(h hunk, a, b []string) {
	w.add(fmt.Sprintf("@@ -%s +%s @@\n", span(h.start, h.end-h.start), span(h.first, h.count)))
	at := h.start
	for _, e := range h.edits {
		for ; at < e.from; at++ {
			w.add(" " + a[at])
		}
		for ; at < e.to; at++ {
			w.add("-" + a[at])
		}
		for _, line := range b[e.at:e.end] {
			w.add("+" + line)
		}
	}
	for ; at < h.end; at++ {
		w.add(" " + a[at])
	}
}

// span writes a range of lines as diff does: from 1, and the line before an empty one.
func span(start, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", start)
	case 1:
		return fmt.Sprint(start + 1)
	}
	return fmt.Sprintf("%d,%d", start+1, count)
}

func (w *writer) finish() string {
	switch {
	case w.hidden == 1:
		w.WriteString("\\ 1 more line is not shown\n")
	case w.hidden > 1:
		w.WriteString("\\ " + strconv.Itoa(w.hidden) + " more lines are not shown\n")
	}
	return w.String()
}
