package edit

import "context"

// line has the last line that is meant be the one that is wanted. The wanted one is among those that are meant, whether or
// not the expression matches it: otherwise it would be added again and again.
func (e *Edit) line(ctx context.Context, old []byte) ([]byte, error) {
	t := parse(old)
	meant := func(line string) bool {
		return e.Line != nil && line == *e.Line || matches(ctx, e.Regex, line)
	}
	at := t.search(e.FirstMatch, meant)
	switch {
	case e.State == "absent":
		var kept []string
		for _, line := range t.lines {
			if !meant(body(line)) {
				kept = append(kept, line)
			}
		}
		t.lines = kept
	case at >= 0:
		t.lines[at] = *e.Line + t.lines[at][len(body(t.lines[at])):]
	default:
		t.insert(e.place(ctx, t), *e.Line)
	}
	return t.bytes(), nil
}
