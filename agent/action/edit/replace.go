package edit

import (
	"bytes"
	"context"

	"runner/agent/action"
)

// replace replaces all that matches.
func (e *Edit) replace(ctx context.Context, old []byte) ([]byte, error) {
	if group := e.Regex.Lacks(e.With); group != "" {
		return nil, action.Problem("Write ${1}x for group 1 with an x behind it, and $$ for a dollar sign.", "cannot edit %s: with refers to the group %q, and regex has none of that name", e.Path, group)
	}
	lf, crlf := []byte("\n"), []byte("\r\n")
	n := bytes.Count(old, crlf)
	dos := n > 0 && bytes.Count(old, lf) == n
	if dos { // otherwise $ would never match
		old = bytes.ReplaceAll(old, crlf, lf)
	}
	once := e.replaced(ctx, old)
	if ctx.Err() == nil && !bytes.Equal(e.replaced(ctx, once), once) {
		return nil, action.Problem("Let regex match only what is still to be replaced, for example with ^, $ or \\b around it.",
			"cannot edit %s: what regex is replaced with would be replaced again by the next run", e.Path)
	}
	if dos {
		once = bytes.ReplaceAll(once, lf, crlf)
	}
	return once, nil
}

// replaced replaces what matches between after and before.
func (e *Edit) replaced(ctx context.Context, old []byte) []byte {
	from, to := 0, len(old)
	if e.After != nil {
		m := e.After.Find(ctx, old, 0)
		if m == nil {
			return old
		}
		from = m[1]
	}
	if e.Before != nil {
		m := e.Before.Find(ctx, old, from)
		if m == nil {
			return old
		}
		to = m[0]
	}
	return append(e.Regex.Replace(ctx, old[:to], from, e.With), old[to:]...)
}
