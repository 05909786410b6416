// Package graph writes drawings of boxes and arrows in formats that other programs show: DOT, Mermaid and SVG. It knows
// nothing of plans: package views, its neighbour, says what is drawn. Whatever a text contains, it stays a text in each
// format, and equal drawings are written equally.
package graph

import (
	"fmt"
	"strings"

	"runner/lang/diag"
)

// Drawing is boxes with arrows between them, in parts that stand beside each other.
type Drawing []Part

// Part is a graph without circles. Arrows lead from a box to one that comes later.
type Part struct {
	Title string
	Nodes []Node
	Edges []Edge
}

// Node is a box.
type Node struct {
	Title string
	Lines []string // below the title
	Note  string   // shown when somebody points at it, where the format can; "": title and lines
}

// Edge is an arrow between two nodes of a part, by their indices.
type Edge struct {
	From, To int
	Label    string
}

// text is all that a box says, with harmless lines.
func (n Node) text() []string {
	out := []string{diag.HarmlessLine(n.Title)}
	for _, line := range n.Lines {
		out = append(out, diag.HarmlessLine(line))
	}
	return out
}

func (n Node) note() string {
	if n.Note != "" {
		return diag.HarmlessLine(n.Note)
	}
	return strings.Join(n.text(), ", ")
}

// id names a node of a part; texts never become names.
func id(part, node int) string { return fmt.Sprintf("p%dn%d", part, node) }

// DOT writes the language of Graphviz.
func (d Drawing) DOT() string {
	var b strings.Builder
	b.WriteString("digraph runner {\n  rankdir = LR\n  node [shape = box, fontname = \"monospace\"]\n  edge [fontname = \"monospace\"]\n")
	for p, part := range d {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label = %s\n", p, dotQuote(diag.HarmlessLine(part.Title)))
		for i, n := range part.Nodes {
			fmt.Fprintf(&b, "    %s [label = %s, tooltip = %s]\n", id(p, i), dotQuote(n.text()...), dotQuote(n.note()))
		}
		for _, e := range part.Edges {
			label := ""
			if e.Label != "" {
				label = fmt.Sprintf(" [label = %s]", dotQuote(diag.HarmlessLine(e.Label)))
			}
			fmt.Fprintf(&b, "    %s -> %s%s\n", id(p, e.From), id(p, e.To), label)
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// dotQuote writes lines as one string. Graphviz reads backslashes and the entities of HTML in labels.
func dotQuote(lines ...string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")
	quoted := make([]string, len(lines))
	for i, line := range lines {
		quoted[i] = r.Replace(line)
	}
	return `"` + strings.Join(quoted, `\n`) + `"`
}

// Mermaid writes the language of Mermaid's flowcharts.
func (d Drawing) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for p, part := range d {
		fmt.Fprintf(&b, "  subgraph p%d[%s]\n", p, mermaidQuote(diag.HarmlessLine(part.Title)))
		for i, n := range part.Nodes {
			fmt.Fprintf(&b, "    %s[%s]\n", id(p, i), mermaidQuote(n.text()...))
		}
		for _, e := range part.Edges {
			label := ""
			if e.Label != "" {
				label = "|" + mermaidQuote(diag.HarmlessLine(e.Label)) + "|"
			}
			fmt.Fprintf(&b, "    %s -->%s %s\n", id(p, e.From), label, id(p, e.To))
		}
		b.WriteString("  end\n")
	}
	return b.String()
}

// mermaidQuote writes lines as one text. Mermaid reads HTML, Markdown, backslashes and entities of its own in it, and
// looks for style and classDef with a colon behind them anywhere, so every sign but the common ones is an entity.
func mermaidQuote(lines ...string) string {
	quoted := make([]string, len(lines))
	for i, line := range lines {
		var b strings.Builder
		for _, r := range line {
			if r < 0x80 && !strings.ContainsRune(" ./,@()=+-", r) && !alphanumeric(r) {
				fmt.Fprintf(&b, "#%d;", r)
				continue
			}
			b.WriteRune(r)
		}
		quoted[i] = b.String()
	}
	return `"` + strings.Join(quoted, "<br/>") + `"`
}

func alphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
