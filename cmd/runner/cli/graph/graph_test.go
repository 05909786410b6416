package graph

import (
	"encoding/xml"
	"fmt"
	"html"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hostile are texts that mean something in one of the formats, or in a terminal.
func hostile() []string {
	return []string{
		`plain`, `"quoted"`, `back\slash\n\l\N`, `<b>bold</b>`, `&amp; &lt; &#65;`, `#quot; #35;`, "`code`", `**bold**`, `a --> b`, `end`,
		`]]>`, `}`, `"]; n1[`, `日本語`, `-->|x|`, `%% comment`, `$x$`, `a;b`, `{"a": [1]}`, `subgraph`, `// comment`, `- item`, `<script>alert(1)</script>`, `style a:b["#x;"];`, `classDef x:y#1;`,
	}
}

// drawing has every hostile text as title, line, label and note.
func drawing() Drawing {
	part := Part{Title: `A "part" <&>`, Nodes: []Node{{Title: "first"}}}
	for i, text := range hostile() {
		part.Nodes = append(part.Nodes, Node{Title: text, Lines: []string{text + " line"}, Note: text + " note"})
		part.Edges = append(part.Edges, Edge{From: 0, To: i + 1, Label: text})
	}
	return Drawing{part, {Title: "Chain", Nodes: []Node{{Title: "a"}, {Title: "b"}, {Title: "c"}}, Edges: []Edge{{0, 1, ""}, {1, 2, ""}, {0, 2, "x"}}}, {Title: "Empty"}}
}

// texts collects what is between the tags of one name.
func texts(t *testing.T, svg, tag string) []string {
	t.Helper()
	var out []string
	in := 0
	for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := decoder.Token()
		if token == nil {
			if err.Error() != "EOF" {
				t.Fatalf("%v in:\n%s", err, svg)
			}
			return out
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == tag {
				in++
				out = append(out, "")
			}
		case xml.EndElement:
			if token.Name.Local == tag {
				in--
			}
		case xml.CharData:
			if in > 0 {
				out[len(out)-1] += string(token)
			}
		}
	}
}

func TestSVG(t *testing.T) {
	svg := drawing().SVG()
	shown, notes := texts(t, svg, "text"), texts(t, svg, "title")
	for _, text := range hostile() {
		if !slices.Contains(shown, text) || !slices.Contains(shown, text+" line") || !slices.Contains(notes, text+" note") {
			t.Errorf("%q is not shown", text)
		}
	}
	if again := drawing().SVG(); again != svg {
		t.Error("a second time it is different")
	}
}

// No box lies over another one, and none leaves the drawing.
func TestSVGPlaces(t *testing.T) {
	for _, part := range drawing() {
		boxes, right, height := part.place(100)
		for i, a := range boxes {
			if a.x < 0 || a.y < 100 || a.x+a.w > right || a.y+a.h > 100+height {
				t.Errorf("%s: %+v is outside of %v by %v", part.Title, a, right, height)
			}
			for _, b := range boxes[i+1:] {
				if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
					t.Errorf("%s: %+v and %+v lie over each other", part.Title, a, b)
				}
			}
		}
		for _, e := range part.Edges {
			if boxes[e.From].x+boxes[e.From].w > boxes[e.To].x {
				t.Errorf("%s: the arrow from %v to %v leads back", part.Title, e.From, e.To)
			}
		}
	}
}

// Graphviz reads what we write, and shows every text as it is.
func TestDOT(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("there is no dot here: make testbed installs it")
	}
	source := drawing().DOT()
	cmd := exec.CommandContext(t.Context(), dot, "-Tsvg")
	cmd.Stdin = strings.NewReader(source)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || strings.Contains(stderr.String(), "syntax") {
		t.Fatalf("%v: %s\n%s", err, stderr.String(), source)
	}
	shown := texts(t, strings.ReplaceAll(string(out), "&#160;", " "), "text")
	for i, text := range shown {
		shown[i] = strings.ReplaceAll(text, "\u00a0", " ")
	}
	for _, text := range hostile() {
		if !slices.Contains(shown, text) || !slices.Contains(shown, text+" line") {
			t.Errorf("%q is not among %q", text, shown)
		}
	}
	if again := drawing().DOT(); again != source {
		t.Error("a second time it is different")
	}
}

// Every line has one of Mermaid's forms, with nothing but harmless signs in its texts, and these are the ones given.
func TestMermaid(t *testing.T) {
	text := `"((?:[^\x00-\x1f"#<>:\\` + "`" + `]|#\d+;|<br/>)*)"`
	forms := regexp.MustCompile(`^(?:flowchart LR|  subgraph p\d+\[` + text + `\]|    p\d+n\d+\[` + text + `\]|    p\d+n\d+ -->(?:\|` + text + `\|)? p\d+n\d+|  end)$`)
	entity := regexp.MustCompile(`#(\d+);`)
	source := drawing().Mermaid()
	var shown []string
	for line := range strings.Lines(source) {
		found := forms.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if found == nil {
			t.Errorf("%q is none of Mermaid's forms", line)
		}
		for _, group := range found[min(len(found), 1):] {
			for part := range strings.SplitSeq(group, "<br/>") {
				shown = append(shown, entity.ReplaceAllStringFunc(part, func(e string) string {
					n, err := strconv.Atoi(e[1 : len(e)-1])
					if err != nil {
						t.Error(err)
					}
					return string(rune(n))
				}))
			}
		}
	}
	for _, text := range hostile() {
		if !slices.Contains(shown, text) || !slices.Contains(shown, text+" line") {
			t.Errorf("%q is not among %q", text, shown)
		}
	}
	if strings.Contains(source, html.EscapeString("<")) {
		t.Error("an entity of HTML stands where Mermaid reads its own")
	}
}

// G38: what a terminal would act on is written out.
func TestG38Harmless(t *testing.T) {
	d := Drawing{{Title: "\x1b[2J", Nodes: []Node{{Title: "a\x1b[31m\u202e", Lines: []string{"\x00\xff\n"}, Note: "\x07"}, {}}, Edges: []Edge{{0, 1, "\x1b"}}}}
	for name, text := range map[string]string{"dot": d.DOT(), "mermaid": d.Mermaid(), "svg": d.SVG()} {
		if strings.ContainsAny(text, "\x1b\x00\x07\u202e\ufffd") {
			t.Errorf("%s holds %q", name, text)
		}
	}
}

// A thousand boxes are placed in no time.
func TestLarge(t *testing.T) {
	part := Part{Nodes: []Node{{Title: "controller"}}}
	for i := range 1000 {
		part.Nodes = append(part.Nodes, Node{Title: fmt.Sprint("host ", i)})
		part.Edges = append(part.Edges, Edge{From: 0, To: i + 1})
	}
	if n := strings.Count(Drawing{part}.SVG(), "<rect "); n != 1002 {
		t.Errorf("there are %d boxes", n)
	}
}
