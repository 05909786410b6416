package files

import (
	"cmp"
	"context"
	"math"
	"path"
	"slices"
	"time"

	"runner/agent/action"
	"runner/agent/action/pattern"
	"runner/agent/disk"
	"runner/agent/view"
)

// Find is the action of that name.
type Find struct {
	looking
	Names     []string         `cbor:"names"`
	Regex     *pattern.Pattern `cbor:"regex"`
	Type      string           `cbor:"type"`
	MinSize   int64            `cbor:"min_size"`
	MaxSize   *int64           `cbor:"max_size"`
	OlderThan string           `cbor:"older_than"`
	NewerThan string           `cbor:"newer_than"`
	Hidden    bool             `cbor:"hidden"`
	Recurse   bool             `cbor:"recurse"`
	Depth     int              `cbor:"depth"`
	Limit     int              `cbor:"limit"`

	env           *action.Env
	before, after time.Time // between which a file must have been changed last
	files         []any
	unreadable    []string
	truncated     bool
}

// Look searches.
func (f *Find) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	f.env, f.files = env, []any{} // not nil, which would be null
	f.Limit = cmp.Or(f.Limit, 1000)
	if f.Depth == 0 {
		f.Depth = 1
		if f.Recurse {
			f.Depth = math.MaxInt
		}
	}
	f.before, f.after = ago(f.OlderThan), ago(f.NewerThan)
	see := func(at string) (*view.Place, error) { return env.View.See(at, true) }
	return f.look(env, see, func(p *view.Place, err error) (map[string]any, error) {
		if err := f.there("search", p, err, disk.Directory); err != nil {
			return nil, err
		}
		dir, err := p.Dir.Open(p.Name)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		if err := f.search(ctx, dir, "", 1); err != nil {
			return nil, err
		}
		return map[string]any{"files": f.files, "truncated": f.truncated, "unreadable": action.Plain(f.unreadable)}, nil
	})
}

// ago is so long before now; the zero time for "".
func ago(text string) (t time.Time) {
	if d, err := time.ParseDuration(text); err == nil {
		t = time.Now().Add(-d)
	}
	return t
}

// search looks through a directory, which is below the one of the task.
func (f *Find) search(ctx context.Context, dir *disk.Dir, below string, depth int) error {
	names, err := dir.Names()
	if err != nil {
		if below == "" {
			return err
		}
		f.unreadable = append(f.unreadable, path.Join(f.Path, below))
		return nil
	}
	slices.Sort(names)
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if name[0] == '.' && !f.Hidden {
			continue
		}
		st, err := dir.Lstat(name)
		if err != nil {
			continue // it has gone
		}
		at := path.Join(below, name)
		if f.wanted(ctx, name, at, st) {
			if f.truncated = len(f.files) == f.Limit; f.truncated {
				return nil
			}
			e := &view.Entry{Stat: st}
			if st.Kind == disk.Link {
				e.Target, _ = dir.Readlink(name)
			}
			f.files = append(f.files, described(f.env, path.Join(f.Path, at), e))
		}
		if st.Kind != disk.Directory || depth == f.Depth {
			continue
		}
		inner, err := dir.Open(name)
		if err != nil {
			f.unreadable = append(f.unreadable, path.Join(f.Path, at))
			continue
		}
		err = f.search(ctx, inner, at, depth+1)
		inner.Close()
		if err != nil || f.truncated {
			return err
		}
	}
	return nil
}

// wanted tells whether the task is about an entry.
func (f *Find) wanted(ctx context.Context, name, at string, st disk.Stat) bool {
	kind := cmp.Or(f.Type, "file")
	named := len(f.Names) == 0
	for _, glob := range f.Names {
		matches, _ := path.Match(glob, name)
		named = named || matches
	}
	modified := time.Unix(0, st.Modified)
	return named && (kind == "any" || kind == typeOf(st.Kind)) &&
		st.Size >= f.MinSize && (f.MaxSize == nil || st.Size <= *f.MaxSize) &&
		(f.OlderThan == "" || modified.Before(f.before)) && (f.NewerThan == "" || modified.After(f.after)) &&
		(f.Regex == nil || f.Regex.Match(ctx, []byte(at)))
}
