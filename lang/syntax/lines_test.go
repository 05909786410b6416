package syntax

import (
	"strings"
	"testing"
)

// An expression ends with the line after which nothing of it is open.
func TestLines(t *testing.T) {
	for _, text := range []string{
		"1", "a.b", "", "# [", `"["`, "[]", "]", `"${a}"`, `"$${"`, `"a`, "1 +",
		"[\n1\n]", "f(\n  x, [\n  1\n])", "{\n a = {\n}\n}", "(1 +\n 2)",
		"<<EOT\n[\nx\nEOT", "[<<-EOT\n  }\n  EOT\n]", "<<A\n${[\nA",
		"\"${\n1}\"", "{a=[\n{b=\"${\n1}\"}]}", "[\"${ \"}\" }\",\n]", "\"%{ if x\n}a%{ endif }\"", "[\"${f(\n[1\n])}]\"\n]",
	} {
		var l Lines
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			l.Add(line)
			if last := i == len(lines)-1; l.Open() == last {
				t.Errorf("%q: open is %v after line %d", text, l.Open(), i+1)
				break
			}
		}
	}
}

// G35: what is nested too deeply ends, and is an error where it is parsed. What never ends costs no more than its length.
func TestG35Lines(t *testing.T) {
	for _, line := range []string{"[", `"${`, `"${[`, strings.Repeat("[", 10_000)} {
		var l Lines
		n := 0
		for ; n == 0 || l.Open(); n++ {
			l.Add(line)
			if n > 1000 {
				t.Fatalf("%.10q goes on without end", line)
			}
		}
	}
	var l Lines
	l.Add("[")
	for range 20_000 {
		l.Add("(1),")
	}
	if !l.Open() {
		t.Error("the list is closed")
	}
}
