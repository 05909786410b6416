package graph

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"runner/lang/diag"
)

// The measures of an SVG drawing, in pixels.
const (
	charWidth  = 7.25 // of one column of the font below
	lineHeight = 17
	padding    = 10 // inside of boxes, and around everything
	between    = 14 // boxes of one layer
	aside      = 56 // layers
	widestText = 64 // columns; what is longer is in the note
)

// box is a node with its place.
type box struct {
	lines      []string
	note       string
	x, y, w, h float64
}

// SVG draws each part in layers, from left to right: a box stands behind all that lead to it.
func (d Drawing) SVG() string {
	var body strings.Builder
	width, y := 0.0, float64(padding)
	for _, part := range d {
		y += lineHeight
		fmt.Fprintf(&body, "  <text class=\"part\" x=\"%d\" y=\"%.1f\">%s</text>\n", padding, y, xmlText(diag.HarmlessLine(part.Title)))
		y += padding
		boxes, w, h := part.place(y)
		part.draw(&body, boxes)
		width = max(width, w)
		y += h + 2*padding
	}
	width += padding
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f">`+"\n", width, y, width, y)
	b.WriteString(`  <style>
    text { font: 12px monospace; fill: #1a1a1a; }
    .part, .title { font-weight: bold; }
    rect { fill: #f6f8fa; stroke: #57606a; }
    path { fill: none; stroke: #57606a; }
    .label { font-size: 10px; fill: #57606a; }
    .head { fill: #57606a; stroke: none; }
  </style>
  <rect style="fill: white; stroke: none" width="100%" height="100%"/>
  <defs>
    <marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
      <path class="head" d="M 0 0 L 8 4 L 0 8 z"/>
    </marker>
  </defs>
`)
	b.WriteString(body.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// place gives every node its box, from y downwards, and returns how far they reach.
func (p Part) place(y float64) (boxes []box, right, height float64) {
	boxes = make([]box, len(p.Nodes))
	layers := p.layers()
	x := float64(padding)
	for _, layer := range layers {
		widest, down := 0.0, 0.0
		for _, i := range layer {
			boxes[i] = measure(p.Nodes[i])
			boxes[i].x, boxes[i].y = x, y+down
			down += boxes[i].h + between
			widest = max(widest, boxes[i].w)
		}
		height = max(height, down)
		right = x + widest
		x = right + aside + p.labelWidth(layer)
	}
	p.center(boxes, layers, y)
	for _, b := range boxes {
		height = max(height, b.y+b.h-y)
	}
	for _, e := range p.Edges {
		if low, below := under(boxes, e); below {
			height = max(height, low-y)
		}
	}
	return boxes, right, height
}

// layers are the nodes by the longest way that leads to them.
func (p Part) layers() [][]int {
	depth := make([]int, len(p.Nodes))
	for i := range p.Nodes { // arrows lead to later nodes
		for _, e := range p.Edges {
			if e.From == i {
				depth[e.To] = max(depth[e.To], depth[i]+1)
			}
		}
	}
	var out [][]int
	for i, d := range depth {
		for len(out) <= d {
			out = append(out, nil)
		}
		out[d] = append(out[d], i)
	}
	return out
}

// labelWidth is the room that the arrows which begin in a layer need for what they say.
func (p Part) labelWidth(layer []int) float64 {
	widest := 0
	from := map[int]bool{}
	for _, i := range layer {
		from[i] = true
	}
	for _, e := range p.Edges {
		if from[e.From] {
			widest = max(widest, diag.Columns(cut(diag.HarmlessLine(e.Label))))
		}
	}
	return float64(widest) * charWidth
}

// center moves boxes down to the middle of those that they lead to, from the last layer to the first.
func (p Part) center(boxes []box, layers [][]int, top float64) {
	children := make([][]int, len(boxes))
	for _, e := range p.Edges {
		children[e.From] = append(children[e.From], e.To)
	}
	for _, layer := range slices.Backward(layers) {
		free := top
		for _, i := range layer {
			b := &boxes[i]
			want := b.y
			if list := children[i]; len(list) > 0 {
				first, last := boxes[list[0]], boxes[list[len(list)-1]]
				want = (first.y+last.y+last.h)/2 - b.h/2
			}
			b.y = max(free, want)
			free = b.y + b.h + between
		}
	}
}

// under says how far down an arrow must go to pass below the boxes between its own, if there are any.
func under(boxes []box, e Edge) (low float64, below bool) {
	from, to := boxes[e.From], boxes[e.To]
	for _, b := range boxes {
		if b.x > from.x && b.x < to.x {
			low, below = max(low, b.y+b.h+2*between), true
		}
	}
	return low, below
}

func measure(n Node) box {
	b := box{note: n.note()}
	widest := 0
	for _, line := range n.text() {
		line = cut(line)
		widest = max(widest, diag.Columns(line))
		b.lines = append(b.lines, line)
	}
	b.w = float64(widest)*charWidth + 2*padding
	b.h = float64(len(b.lines))*lineHeight + padding
	return b
}

func cut(line string) string {
	used := 0
	for i, r := range line {
		if used += diag.Columns(string(r)); used >= widestText {
			return line[:i] + "…"
		}
	}
	return line
}

func (p Part) draw(out *strings.Builder, boxes []box) {
	for _, e := range p.Edges {
		a, b := boxes[e.From], boxes[e.To]
		x1, y1, x2, y2 := a.x+a.w, a.y+a.h/2, b.x, b.y+b.h/2
		bend, c1, c2, middle := (x2-x1)/2, y1, y2, (y1+y2)/2
		if low, below := under(boxes, e); below {
			middle = low - between
			c1 = middle + (middle-(y1+y2)/2)/3 // so that the middle of the curve is there
			bend, c2 = aside, c1
		}
		fmt.Fprintf(out, "  <path marker-end=\"url(#arrow)\" d=\"M %.1f %.1f C %.1f %.1f %.1f %.1f %.1f %.1f\"/>\n",
			x1, y1, x1+bend, c1, x2-bend, c2, x2, y2)
		if e.Label != "" {
			fmt.Fprintf(out, "  <text class=\"label\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
				(x1+x2)/2, middle-4, xmlText(cut(diag.HarmlessLine(e.Label))))
		}
	}
	for _, b := range boxes {
		fmt.Fprintf(out, "  <g>\n    <title>%s</title>\n    <rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"4\"/>\n",
			xmlText(b.note), b.x, b.y, b.w, b.h)
		for i, line := range b.lines {
			class := ""
			if i == 0 {
				class = ` class="title"`
			}
			fmt.Fprintf(out, "    <text%s x=\"%.1f\" y=\"%.1f\">%s</text>\n", class, b.x+padding, b.y+float64(i+1)*lineHeight, xmlText(line))
		}
		out.WriteString("  </g>\n")
	}
}

func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}
