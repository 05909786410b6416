package edit

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"runner/agent/action"
)

// block has one block between its two markers, where the first one was.
func (e *Edit) block(ctx context.Context, old []byte) ([]byte, error) {
	marker := cmp.Or(e.Marker, "# {mark} MANAGED BLOCK")
	begin := strings.ReplaceAll(marker, "{mark}", cmp.Or(e.Begin, "BEGIN"))
	end := strings.ReplaceAll(marker, "{mark}", cmp.Or(e.End, "END"))
	wanted := []string{begin}
	for _, line := range parse([]byte(e.Block)).lines {
		wanted = append(wanted, body(line))
	}
	if slices.Contains(wanted[1:], begin) || slices.Contains(wanted, end) {
		return nil, action.Problem("Choose another marker.", "cannot edit %s: the new block contains one of its own markers", e.Path)
	}
	wanted = append(wanted, end)

	t := parse(old)
	at, inside, broken := -1, false, false
	var kept []string
	for _, line := range t.lines {
		switch body(line) {
		case begin:
			broken = broken || inside
			inside = true
			if at < 0 {
				at = len(kept)
			}
		case end:
			broken = broken || !inside
			inside = false
		default:
			if !inside {
				kept = append(kept, line)
			}
		}
	}
	if broken || inside {
		return nil, action.Problem("Repair the markers by hand, or choose others.", "cannot edit %s: the lines %q and %q in it are no pairs", e.Path, begin, end)
	}
	t.lines = kept
	if e.State != "absent" {
		if at < 0 {
			at = e.place(ctx, t)
		}
		t.insert(at, wanted...)
	}
	return t.bytes(), nil
}
